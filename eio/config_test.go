package eio

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/sirocco-io/sirocco/poller"
)

// TestEveryConfigFieldHasItsDefault fails when a field was added and forgotten: what is nil or empty for
// good reason is listed.
func TestEveryConfigFieldHasItsDefault(t *testing.T) {
	optional := map[string]bool{ // one a line, so that two changes meet in peace
		"AllowEIO3":            true,
		"AllowRequest":         true,
		"AllowedOrigins":       true,
		"Assets":               true,
		"CORS":                 true,
		"Cookie":               true,
		"DropHandshakeHeaders": true,
		"GenerateID":           true,
		"HTTPHandler":          true,
		"Headers":              true,
		"InitialHeaders":       true,
		"InitialPacket":        true,
		"OnPacket":             true,
		"OnPacketCreate":       true,
		"PerMessageDeflate":    true,
	}
	v := reflect.ValueOf(Config{}.withDefaults())
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		if v.Field(i).IsZero() != optional[name] {
			t.Errorf("Config.%s: zero is %v, optional %v", name, v.Field(i).IsZero(), optional[name])
		}
	}
}

// TestDefaultsAreTheReferences: engine.io 6.6, BaseServer's constructor.
func TestDefaultsAreTheReferences(t *testing.T) {
	c := Config{}.withDefaults()
	if c.Path != "/engine.io/" || c.PingInterval != 25*time.Second || c.PingTimeout != 20*time.Second || c.UpgradeTimeout != 10*time.Second ||
		c.MaxHTTPBufferSize != 1e6 || strings.Join(c.Transports, ",") != "polling,websocket" || c.AllowUpgrades != On {
		t.Errorf("%+v", c)
	}
	if d := (&PerMessageDeflate{}).withDefaults(); d.Threshold != 1024 || c.PerMessageDeflate != nil || c.HTTPCompression.Threshold != 1024 {
		t.Errorf("%+v, %+v, %+v", d, c.PerMessageDeflate, c.HTTPCompression)
	}
	if d := (&Cookie{}).withDefaults(); d.Name != "io" || d.Path != "/" || d.HTTPOnly != On {
		t.Errorf("%+v", d)
	}
}

func TestConfigIsCopied(t *testing.T) {
	names := []string{"polling"}
	c := Config{Transports: names}.withDefaults()
	names[0] = "websocket"
	if c.Transports[0] != "polling" {
		t.Error("Transports is shared with the caller")
	}
}

func TestBadConfigNamesTheField(t *testing.T) {
	for field, c := range map[string]Config{
		"PingInterval":                          {PingInterval: -1},
		"PingTimeout":                           {PingTimeout: -1},
		"UpgradeTimeout":                        {UpgradeTimeout: -1},
		"MaxHTTPBufferSize":                     {MaxHTTPBufferSize: -1},
		"MaxPayloadPackets":                     {MaxPayloadPackets: -1},
		"MaxPendingHandshakes":                  {MaxPendingHandshakes: -1},
		"Poller.MaxQueueBytes":                  {Poller: poller.Config{MaxQueueBytes: -1}},
		"Path":                                  {Path: "live"},
		"Transports":                            {Transports: []string{"__proto__"}},
		"AllowedOrigins":                        {AllowedOrigins: []string{"app.example"}},
		"PerMessageDeflate.Level":               {PerMessageDeflate: &PerMessageDeflate{Level: 10}},
		"PerMessageDeflate.ServerMaxWindowBits": {PerMessageDeflate: &PerMessageDeflate{ServerMaxWindowBits: 7}},
		"PerMessageDeflate.ClientMaxWindowBits": {PerMessageDeflate: &PerMessageDeflate{ClientMaxWindowBits: 16}},
		"HTTPCompression.Level":                 {HTTPCompression: &HTTPCompression{Level: -1}},
		"Cookie.Name":                           {Cookie: &Cookie{Name: "a b"}},
		"Cookie.Path":                           {Cookie: &Cookie{Path: "/;x"}},
		"Cookie.Domain":                         {Cookie: &Cookie{Domain: "a\r\nb"}},
		"CORS.Credentials":                      {CORS: &CORS{Credentials: true}},
		"CORS.Origin":                           {CORS: &CORS{Origin: "a\r\nb"}},
		"CORS.OptionsSuccessStatus":             {CORS: &CORS{OptionsSuccessStatus: 404}},
	} {
		if srv, err := NewServer(c, newEcho()); err == nil || srv != nil || !strings.Contains(err.Error(), "Config."+field) {
			t.Errorf("%s: %v", field, err)
		}
	}
	if _, err := NewServer(Config{Transports: []string{}}, newEcho()); err == nil {
		t.Error("no transports at all: no error")
	}
}
