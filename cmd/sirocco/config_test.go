package main

import (
	"bytes"
	"flag"
	"strings"
	"testing"
	"time"
)

func environment(pairs ...string) func(string) string {
	m := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return func(name string) string { return m[name] }
}

func TestParseConfigDefaults(t *testing.T) {
	cfg, err := parseConfig(nil, environment(), &bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	if cfg.addr != "127.0.0.1:3000" || cfg.path != "/socket.io" || cfg.pingInterval != 25*time.Second || cfg.maxBuffer != 1_000_000 {
		t.Errorf("parseConfig() = %+v", cfg)
	}
}

func TestParseConfigFlagsWinOverEnvironment(t *testing.T) {
	env := environment("SIROCCO_ADDR", ":1", "SIROCCO_PING_INTERVAL", "3s", "SIROCCO_LOOPS", "7")
	cfg, err := parseConfig([]string{"-addr", ":2", "-max-buffer", "5"}, env, &bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	if cfg.addr != ":2" || cfg.pingInterval != 3*time.Second || cfg.loops != 7 || cfg.maxBuffer != 5 {
		t.Errorf("parseConfig(-addr :2) = %+v", cfg)
	}
}

func TestParseConfigSaysWhatIsWrong(t *testing.T) {
	var help bytes.Buffer
	if _, err := parseConfig(nil, environment("SIROCCO_LOOPS", "many"), &help); err == nil {
		t.Error("SIROCCO_LOOPS=many is no error")
	}
	if !strings.Contains(help.String(), `SIROCCO_LOOPS="many"`) {
		t.Errorf("the user is told %q", help.String())
	}
	if _, err := parseConfig([]string{"-h"}, environment(), &help); err != flag.ErrHelp {
		t.Errorf("-h: %v", err)
	}
	if !strings.Contains(help.String(), "(SIROCCO_PING_TIMEOUT)") {
		t.Error("the help does not name the environment's variables")
	}
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"  a \t b\n":            "a b",
		"":                      "",
		"ünïcödé":               "ünïcödé",
		strings.Repeat("é", 30): strings.Repeat("é", maxName),
	} {
		if got := clean(in); got != want {
			t.Errorf("clean(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestRenderPage(t *testing.T) {
	cfg := config{path: "/io"}
	local, cdn := renderPage(cfg, true), renderPage(cfg, false)
	if !strings.Contains(local, `data-path="/io/"`) || !strings.Contains(local, `src="/client/socket.io.min.js"`) || strings.Contains(local, clientCDN) {
		t.Error("the page does not load the client from here")
	}
	if !strings.Contains(cdn, clientCDN) || !strings.Contains(cdn, `integrity="sha384-`) || strings.Contains(cdn, `src="/client/`) {
		t.Error("the page does not load the client from the CDN, with its digest")
	}
}
