package e2e

import (
	"testing"

	"github.com/sirocco-io/sirocco/sio"
)

// registerKept is what js/recovery.mjs asks for.
func (s *testServer) registerKept() {
	o := s.options()
	s.io.On("keep", func(c *sio.Socket, args []any, ack sio.Ack) { c.SetData(args[0]); ack() }, o...)
	s.io.On("kept", func(c *sio.Socket, _ []any, ack sio.Ack) { ack(c.Data(), c.Recovered()) }, o...)
	s.io.On("middlewares", func(_ *sio.Socket, _ []any, ack sio.Ack) { ack(s.admitted.Load()) }, o...)
	s.io.On("forget-reasons", func(c *sio.Socket, _ []any, ack sio.Ack) {
		s.mu.Lock()
		s.reasons[c.ID()] = []string{}
		s.mu.Unlock()
		ack()
	}, o...)
}

// TestRecovery lets clients lose their connection and come back, to the reference server and to ours,
// and compares what the wire carries.
func TestRecovery(t *testing.T) {
	needNode(t)
	for _, mode := range modes {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			facts := map[string]map[string]string{}
			t.Run("reference", func(t *testing.T) {
				s := startReference(t, "RECOVERY=1")
				facts["reference"] = runChecks(t, s, "recovery.mjs", "URL="+s.url(), "MODE="+mode)
			})
			t.Run("sirocco", func(t *testing.T) {
				s := startTestServer(t, variant{recovery: &sio.Recovery{}})
				facts["sirocco"] = runChecks(t, s, "recovery.mjs", "URL="+s.url(), "MODE="+mode)
			})
			want, got := facts["reference"], facts["sirocco"]
			if len(want) == 0 {
				t.Error("nothing was observed")
			}
			for name := range want {
				if got[name] != want[name] {
					t.Errorf("%s:\n got %s\nwant %s (the reference)", name, got[name], want[name])
				}
			}
		})
	}
}
