package sio

import (
	"cmp"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/sirocco-io/sirocco/eio"
)

// TestEveryConfigFieldIsUsed fails when a field was added and forgotten: each
// has a default of its own here, or reaches the layer below.
func TestEveryConfigFieldIsUsed(t *testing.T) {
	ours := map[string]bool{ // with a default that is not the zero value
		"Path": true, "ConnectTimeout": true, "MaxHTTPBufferSize": true, "Codec": true, "MaxAttachments": true, "MaxJSONDepth": true, "MaxNamespaces": true,
		"MaxDynamicNamespaces": true, "MaxRooms": true, "MaxPendingAcks": true, "MaxPendingEvents": true, "MaxPendingBytes": true, "HandlerWatchdog": true, "OnError": true, "Logger": true,
	}
	optional := map[string]bool{ // the zero value counts
		"Parser": true, "Adapter": true, "ConnectionStateRecovery": true, "OnRoom": true, "OnDrop": true, "RateLimit": true, "CleanupEmptyChildNamespaces": true,
		"DrainSpread": true, "DrainDelay": true, "OnReady": true,
	}
	renamed := map[string]string{"ClientFiles": "Assets"} // ours: the one of package eio
	below := reflect.TypeFor[eio.Config]()
	cfg := Config{}.withDefaults()
	v := reflect.ValueOf(cfg)
	for i := range v.NumField() {
		f := v.Type().Field(i)
		_, passed := below.FieldByName(cmp.Or(renamed[f.Name], f.Name))
		if !ours[f.Name] && !passed && !optional[f.Name] {
			t.Errorf("Config.%s has no default and does not reach package eio", f.Name)
		}
		if ours[f.Name] && v.Field(i).IsZero() {
			t.Errorf("Config.%s has no default", f.Name)
		}
	}
	for i := range below.NumField() {
		name := below.Field(i).Name
		for here, there := range renamed {
			if there == name {
				name = here
			}
		}
		if !v.FieldByName(name).IsValid() {
			t.Errorf("eio.Config.%s cannot be set", name)
		}
	}
}

// TestConfigReachesTheEngine sets each field that package eio shares and looks
// for it there.
func TestConfigReachesTheEngine(t *testing.T) {
	var cfg Config
	v := reflect.ValueOf(&cfg).Elem()
	for i := range v.NumField() {
		f := v.Field(i)
		switch f.Kind() {
		case reflect.String:
			f.SetString("/x")
		case reflect.Int, reflect.Int64:
			f.SetInt(77)
		case reflect.Uint8:
			f.SetUint(1)
		case reflect.Bool:
			f.SetBool(true)
		case reflect.Slice:
			f.Set(reflect.MakeSlice(f.Type(), 1, 1))
		case reflect.Pointer:
			f.Set(reflect.New(f.Type().Elem()))
		case reflect.Func:
			f.Set(reflect.MakeFunc(f.Type(), nil))
		}
	}
	cfg.Poller.Loops = 3
	cfg.HTTPHandler = http.NotFoundHandler()
	cfg.ClientFiles = clientDist
	e := cfg.engine()
	got := reflect.ValueOf(e)
	for i := range got.NumField() {
		if got.Field(i).IsZero() {
			t.Errorf("eio.Config.%s is not set", got.Type().Field(i).Name)
		}
	}
	if e.Poller.Loops != 3 || e.Poller.OnStall == nil || e.Poller.StallAfter != 77 || e.Poller.OnError == nil {
		t.Errorf("Poller: %+v", e.Poller)
	}
}

func TestBadConfigNamesTheField(t *testing.T) {
	for name, cfg := range map[string]Config{
		"MaxRooms":     {MaxRooms: -1},
		"MaxJSONDepth": {MaxJSONDepth: 513},

		"MaxDynamicNamespaces": {MaxDynamicNamespaces: -1},

		"MaxAttachments":   {MaxAttachments: -1},
		"MaxPendingEvents": {MaxPendingEvents: -1},
		"PingInterval":     {PingInterval: -1},
		"Transports":       {Transports: []string{"constructor"}},
	} {
		if srv, err := NewServer(cfg); err == nil || srv != nil || !strings.Contains(err.Error(), "Config."+name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
