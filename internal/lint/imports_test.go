package lint

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

// layers lists, for each package of ours that others build on, the packages of ours it may import:
// the way of the data, bottom to top (ARCHITECTURE.md). A package that is not listed (cmd, bench, the
// end-to-end tests) may import anything. A new package under internal/, poller, eio or sio must be
// entered here before it builds.
var layers = map[string][]string{
	"internal/frame":   {},
	"internal/sysio":   {},
	"internal/id":      {},
	"internal/http1":   {},
	"internal/deflate": {},
	"internal/wsframe": {},
	"internal/faultfd": {"internal/sysio"},
	"poller":           {"internal/frame", "internal/sysio"},
	"internal/web":     {"poller", "internal/http1", "internal/wsframe", "internal/deflate", "internal/frame"},
	"eio":              {"internal/web", "internal/deflate", "internal/frame", "internal/id", "internal/http1", "poller"},
	"eio/webtransport": {"eio"},
	"sio":              {"eio", "internal/frame", "internal/id", "poller"},
	"sio/adaptertest":  {"sio", "poller"},
	"sio/msgpack":      {"sio"},
	"sio/prom":         {"sio"},

	// for tests and benchmarks
	"internal/selfsigned": {},
}

// free lists the folders whose packages may import anything.
var free = []string{"cmd", "bench", "internal/e2e", "internal/lint"}

// strangers says who may import which module from outside. What is not listed is not allowed anywhere.
var strangers = map[string][]string{
	"github.com/cloudwego/netpoll":            {"poller"},
	"golang.org/x/sys":                        {"poller", "internal/sysio", "internal/faultfd", "cmd", "bench"},
	"github.com/gobwas/ws":                    {"internal", "eio", "sio", "cmd", "bench"},
	"github.com/HdrHistogram/hdrhistogram-go": {"bench"},
	"github.com/klauspost/compress":           {"internal/deflate"},
	"github.com/valyala/bytebufferpool":       {"internal", "eio", "sio", "cmd", "bench"},
	"github.com/prometheus/client_golang":     {"sio/prom"},
	"github.com/quic-go/quic-go":              {"eio/webtransport"},
	"github.com/quic-go/webtransport-go":      {"eio/webtransport"},
	"github.com/stretchr/testify":             {"poller", "internal", "eio", "sio", "cmd", "bench"},
	"github.com/tinylib/msgp":                 {"sio/msgpack"},
	"github.com/stretchr/testify/assert":      {}, // preconditions only, by require; comparisons are written in Go
}

// TestImportsGoOneWay holds every package to the layers below it.
func TestImportsGoOneWay(t *testing.T) {
	for _, f := range moduleFiles(t) {
		for _, spec := range f.ast.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if own, ok := ours(path); ok && !mayImport(f, own) {
				t.Errorf("%s: %s must not import %s: imports go one way (see layers in this test)", f.at(spec), f.dir, own)
			}
		}
	}
}

// TestEveryPackageHasALayer keeps the table complete.
func TestEveryPackageHasALayer(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range moduleFiles(t) {
		if seen[f.dir] || slices.ContainsFunc(free, f.under) {
			continue
		}
		seen[f.dir] = true
		if _, ok := layers[f.dir]; !ok {
			t.Errorf("%s: package is not in the table of layers", f.dir)
		}
	}
}

// TestStrangersAreFew holds imports from outside to the list, so that a dependency is a decision.
func TestStrangersAreFew(t *testing.T) {
	for _, f := range moduleFiles(t) {
		for _, spec := range f.ast.Imports {
			path, _ := strconv.Unquote(spec.Path.Value)
			first, _, _ := strings.Cut(path, "/")
			if _, own := ours(path); own || !strings.Contains(first, ".") {
				continue // ours, or the standard library
			}
			if who, ok := longestPrefix(strangers, path); !ok || !slices.ContainsFunc(who, f.under) {
				t.Errorf("%s: %s must not import %s", f.at(spec), f.dir, path)
			}
		}
	}
}

// ours cuts the module's path off an import path.
func ours(path string) (string, bool) {
	return strings.CutPrefix(path, module+"/")
}

func mayImport(f *file, own string) bool {
	allowed, listed := layers[f.dir]
	if !listed || own == f.dir || slices.Contains(allowed, own) {
		return true
	}
	// A test may also inject faults, make certificates, and use whatever lies below its package.
	return f.test && (own == "internal/faultfd" || own == "internal/selfsigned" || below(f.dir, own))
}

// below reports whether own can be reached from dir by allowed imports.
func below(dir, own string) bool {
	return slices.ContainsFunc(layers[dir], func(d string) bool { return d == own || below(d, own) })
}

func longestPrefix(m map[string][]string, path string) (value []string, ok bool) {
	best := ""
	for prefix, v := range m {
		if (path == prefix || strings.HasPrefix(path, prefix+"/")) && len(prefix) > len(best) {
			best, value, ok = prefix, v, true
		}
	}
	return value, ok
}
