package deflate

import (
	"strings"
	"testing"
)

// declined and malformed are what Negotiate says when nothing is agreed on.
const (
	declined  = "declined"
	malformed = "malformed"
)

// answer is the header that p answers offers with.
func answer(p Policy, offers string) string {
	agreed, accepted, ok := p.Negotiate([]byte(offers))
	switch {
	case !ok:
		return malformed
	case !accepted:
		return declined
	}
	return strings.TrimPrefix(string(agreed.AppendResponse(nil)), extension)
}

func TestNegotiation(t *testing.T) {
	const (
		none  = "; server_no_context_takeover; client_no_context_takeover" // no context on either side
		offer = extension
	)
	takeover := Policy{ServerTakeover: true, ClientTakeover: true}
	for _, test := range []struct {
		policy       Policy
		offers, want string
	}{
		// Offers that are accepted as they are.
		{Policy{}, offer, none},
		{takeover, offer, ""},
		{takeover, offer + "; server_no_context_takeover", "; server_no_context_takeover"},
		{takeover, offer + "; client_no_context_takeover", "; client_no_context_takeover"},
		{takeover, offer + ";client_no_context_takeover\t; server_no_context_takeover", none},
		{takeover, offer + "; client_max_window_bits", ""},
		{takeover, offer + "; client_max_window_bits=10", "; client_max_window_bits=10"},
		{takeover, offer + "; server_max_window_bits=8", "; server_max_window_bits=8"},
		{takeover, offer + "; server_max_window_bits=15", "; server_max_window_bits=15"},
		{takeover, offer + `; server_max_window_bits="12"`, "; server_max_window_bits=12"},
		{takeover, offer + `; server_max_window_bits = "\1\2"`, "; server_max_window_bits=12"},

		// Windows that the server limits.
		{Policy{ServerBits: 10, ServerTakeover: true, ClientTakeover: true}, offer, "; server_max_window_bits=10"},
		{Policy{ServerBits: 10}, offer + "; server_max_window_bits=12", none + "; server_max_window_bits=10"},
		{Policy{ServerBits: 12}, offer + "; server_max_window_bits=10", none + "; server_max_window_bits=10"},
		{Policy{ClientBits: 10}, offer, declined},
		{Policy{ClientBits: 10}, offer + "; client_max_window_bits", none + "; client_max_window_bits=10"},
		{Policy{ClientBits: 10}, offer + "; client_max_window_bits=9", none + "; client_max_window_bits=9"},
		{Policy{ClientBits: 10}, offer + "; client_max_window_bits=15", none + "; client_max_window_bits=10"},

		// Offers that can't be accepted.
		{Policy{}, offer + "; server_max_window_bits", declined},
		{Policy{}, offer + "; server_max_window_bits=7", declined},
		{Policy{}, offer + "; server_max_window_bits=16", declined},
		{Policy{}, offer + "; server_max_window_bits=010", declined},
		{Policy{}, offer + "; server_max_window_bits=10000000000000000000000000000", declined},
		{Policy{}, offer + `; server_max_window_bits="1000000000000000000000000000"`, declined},
		{Policy{}, offer + "; client_max_window_bits=7", declined},
		{Policy{}, offer + "; client_max_window_bits=-9", declined},
		{Policy{}, offer + "; server_no_context_takeover=true", declined},
		{Policy{}, offer + "; client_no_context_takeover=1", declined},
		{Policy{}, offer + "; server_no_context_takeover; server_no_context_takeover", declined},
		{Policy{}, offer + "; client_max_window_bits; client_max_window_bits=10", declined},
		{Policy{}, offer + "; server_max_window_bits=10; server_max_window_bits=10", declined},
		{Policy{}, offer + "; mode=fast", declined},
		{Policy{}, offer + "; Client_max_window_bits", declined},
		{Policy{}, "x-webkit-deflate-frame", declined},
		{Policy{}, "Permessage-Deflate", declined},
		{Policy{}, "", declined},

		// The first acceptable one of several.
		{takeover, offer + "; server_max_window_bits=20, " + offer + "; server_max_window_bits=10, " + offer, "; server_max_window_bits=10"},
		{takeover, "permessage-snappy; level=1, x; y=\"z\" ," + offer + "; client_no_context_takeover", "; client_no_context_takeover"},
		{Policy{ClientBits: 9}, offer + ", " + offer + "; client_max_window_bits", none + "; client_max_window_bits=9"},
		{Policy{}, " , ,\t" + offer + " ,, ", none},

		// Lists that are malformed: nothing of them is believed.
		{Policy{}, offer + ";", malformed},
		{Policy{}, offer + ", " + offer + ";;", malformed},
		{Policy{}, offer + "; =1", malformed},
		{Policy{}, offer + "; server_max_window_bits=", malformed},
		{Policy{}, offer + `; server_max_window_bits="`, malformed},
		{Policy{}, offer + `; server_max_window_bits="10`, malformed},
		{Policy{}, offer + `; server_max_window_bits="1 0"`, malformed},
		{Policy{}, offer + `; server_max_window_bits="10\`, malformed},
		{Policy{}, offer + `; server_max_window_bits=""`, malformed},
		{Policy{}, offer + "; server max", malformed},
		{Policy{}, offer + " x", malformed},
		{Policy{}, "@", malformed},
		{Policy{}, offer + "\x00", malformed},
	} {
		if got := answer(test.policy, test.offers); got != test.want {
			t.Errorf("%+v, %q: got %q, want %q", test.policy, test.offers, got, test.want)
		}
	}
}

func TestWindowsThatWereAgreedOn(t *testing.T) {
	for offers, want := range map[string]Params{
		extension:                              {ServerBits: 15, ClientBits: 15},
		extension + "; client_max_window_bits": {ServerBits: 15, ClientBits: 15},
		extension + "; client_max_window_bits=9; server_max_window_bits=8": {ServerBits: 8, ClientBits: 9, sayServer: true, sayClient: true},
	} {
		if got, _, _ := (Policy{}).Negotiate([]byte(offers)); got != want {
			t.Errorf("%q: got %+v, want %+v", offers, got, want)
		}
	}
}

// FuzzNegotiate wants the answer to be one that every client can read, and to
// promise no more than was offered.
func FuzzNegotiate(f *testing.F) {
	f.Add(extension+"; client_max_window_bits; server_max_window_bits=10, x; y=\"\\z\"", uint8(0), uint8(9))
	f.Add(extension+`; server_max_window_bits="1\5`, uint8(3), uint8(0))
	f.Fuzz(func(t *testing.T, offers string, flags, bits uint8) {
		p := Policy{ServerTakeover: flags&1 != 0, ClientTakeover: flags&2 != 0}
		if bits >= MinBits && bits <= MaxBits {
			p.ServerBits, p.ClientBits = bits, bits
		}
		a, accepted, ok := p.Negotiate([]byte(offers))
		if !accepted {
			return
		}
		if !ok || !strings.Contains(offers, extension) {
			t.Fatalf("accepted %q", offers)
		}
		for _, b := range []uint8{a.ServerBits, a.ClientBits} {
			if b < MinBits || b > MaxBits || p.ServerBits != 0 && b > p.ServerBits {
				t.Fatalf("%q: window %d", offers, b)
			}
		}
		if a.ServerTakeover && !p.ServerTakeover || a.ClientTakeover && !p.ClientTakeover {
			t.Fatalf("%q: context that the policy does not want", offers)
		}
		s := scanner{b: a.AppendResponse(nil)}
		if o, ok := s.offer(); !ok || o.bad || !o.ours || len(s.b) > 0 {
			t.Fatalf("%q: answer %q", offers, a.AppendResponse(nil))
		}
	})
}
