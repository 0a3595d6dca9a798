package compare

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/sirocco-io/sirocco/bench/load"
)

// Peers are the kinds of servers made with other Go libraries, in bench/peers.
// Their options are ping=interval, procs=n and gogc=n.
var Peers = []string{"gws", "gorilla", "coder", "centrifuge", "googollee"}

// dialects is what those of them speak that do not speak Socket.IO 4.
var dialects = map[string]string{"centrifuge": load.Centrifuge, "googollee": load.SocketIO2}

// peer builds one of them, in its nested module.
func (t Tools) peer(s Server, kind string, options []string) (Server, error) {
	var flags []string
	for _, o := range options {
		key, value, _ := strings.Cut(o, "=")
		switch key {
		case "ping":
			flags = append(flags, "-ping-interval", value)
		case "procs":
			s.Env = append(s.Env, "GOMAXPROCS="+value)
		case "gogc":
			s.Env = append(s.Env, "GOGC="+value)
		default:
			return s, fmt.Errorf("compare: %s has no option %q", kind, o)
		}
	}
	if d, ok := dialects[kind]; ok {
		s.client = []string{"-dialect", d}
	}
	out := filepath.Join(t.Dir, kind)
	s.Args = append([]string{out}, flags...)
	return s, t.build(out, "go", "-C", "bench/peers", "build", "-mod=mod", "-o", out, "./"+kind)
}
