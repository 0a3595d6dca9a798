package wsframe

import (
	"bytes"
	"errors"
	"testing"

	"github.com/gobwas/ws"
)

func addSeeds(f *testing.F) {
	f.Helper()
	f.Add([]byte(nil), uint8(0), uint16(0))
	for _, payload := range []string{"", "Hello", "κόσμε", "\xed\xa0\x80"} {
		for _, first := range []First{Fin | First(Text), First(Text), Fin | First(Binary), Fin | First(Ping), Fin | First(Close)} {
			b := AppendMasked(nil, first, 0x3d21fa37, []byte(payload))
			b = AppendMasked(b, Fin|First(Ping), 1, []byte("p"))
			b = AppendMasked(b, Fin|First(Continuation), 0, []byte(payload))
			f.Add(b, uint8(0), uint16(3))
			f.Add(append(AppendHeader(nil, first, len(payload)), payload...), uint8(Client), uint16(1))
		}
	}
	f.Add(AppendMaskedHeader(nil, Fin|First(Binary), 1<<40, 7), uint8(AllowRSV1), uint16(5))
	f.Add([]byte{0x82, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 1}, uint8(0), uint16(2))
}

// FuzzReader wants one result for every split of a stream.
func FuzzReader(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, in []byte, rules uint8, cut uint16) {
		c := goldenCase{rules: Rules(rules & 3), limits: Limits{MaxMessageBytes: 1 << 12, MaxFragments: 8}}
		want := c.read(in)
		at := min(int(cut), len(in))
		if got := c.read(in[:at], in[at:]); got != want {
			t.Errorf("cut at %d: got %s, want %s", at, got, want)
		}
		var single [][]byte
		for i := range in {
			single = append(single, in[i:i+1])
		}
		if got := c.read(single...); got != want {
			t.Errorf("byte by byte: got %s, want %s", got, want)
		}
	})
}

// FuzzAgainstPeer compares each header with what gobwas/ws reads and checks.
// Where it is laxer than RFC 6455 asks, ours must be the one to refuse.
func FuzzAgainstPeer(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, in []byte, _ uint8, _ uint16) {
		h, n, err := ParseHeader(in, 0, 1<<63-1)
		src := bytes.NewReader(in)
		ph, perr := ws.ReadHeader(src)
		if perr == nil {
			perr = ws.CheckHeader(ph, ws.StateServerSide)
			// CheckHeader's answer about sequence is for the Reader.
			if errors.Is(perr, ws.ErrProtocolContinuationUnexpected) {
				perr = nil
			}
		}
		switch {
		case n > 0 && perr != nil:
			t.Fatalf("%x: we accept %+v, gobwas says %v", in, h, perr)
		case n > 0:
			comparePeer(t, in, h, n, ph, len(in)-src.Len())
		case err == nil && perr == nil:
			t.Fatalf("%x: incomplete to us, gobwas reads %+v", in, ph)
		case perr == nil && !errors.Is(err, ErrLengthForm) && !errors.Is(err, ErrControlTooLong):
			t.Fatalf("%x: we say %v, gobwas reads %+v", in, err, ph)
		}
	})
}

func comparePeer(t *testing.T, in []byte, h Header, n int, ph ws.Header, pn int) {
	t.Helper()
	key := uint32(ph.Mask[0]) | uint32(ph.Mask[1])<<8 | uint32(ph.Mask[2])<<16 | uint32(ph.Mask[3])<<24
	want := Header{Length: uint64(ph.Length), Key: key, Opcode: Opcode(ph.OpCode), Fin: ph.Fin, RSV1: ph.Rsv1()}
	if h != want || n != pn {
		t.Fatalf("%x: got %+v in %d bytes, gobwas %+v in %d", in, h, n, want, pn)
	}
	ours, theirs := bytes.Clone(in[n:]), bytes.Clone(in[n:])
	Mask(ours, h.Key)
	ws.Cipher(theirs, ph.Mask, 0)
	if !bytes.Equal(ours, theirs) {
		t.Fatalf("%x: masks differ", in)
	}
}

// FuzzUTF8 compares with the standard library.
func FuzzUTF8(f *testing.F) {
	for _, s := range []string{"", "plain", "κόσμε", "\xf4\x90", "0123456789abcdef0123456789abcdef\xed\x9f\xbf"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 200 {
			b = b[:200]
		}
		checkUTF8(t, b)
	})
}

// FuzzClose wants every payload that parses to be appended again alike.
func FuzzClose(f *testing.F) {
	f.Add([]byte("\x03\xe8bye"))
	f.Fuzz(func(t *testing.T, p []byte) {
		if len(p) > maxShort {
			p = p[:maxShort]
		}
		code, reason, err := ParseClose(p)
		if err != nil {
			return
		}
		if got := AppendClose(nil, code, string(reason)); !bytes.Equal(got, p) {
			t.Errorf("got %q, want %q", got, p)
		}
	})
}
