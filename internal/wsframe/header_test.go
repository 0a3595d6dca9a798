package wsframe

import (
	"bytes"
	"testing"

	"github.com/gobwas/ws"
	"github.com/stretchr/testify/require"
)

// TestHeaderRoundTrip appends and parses headers, and has gobwas/ws write the
// same ones.
func TestHeaderRoundTrip(t *testing.T) {
	for _, length := range []int{0, 1, 125, 126, 127, 128, 65535, 65536, 1 << 31, 1<<62 + 5} {
		for _, first := range []First{Fin | First(Text), First(Binary), Fin | RSV1 | First(Text), First(Continuation)} {
			masked := AppendMaskedHeader(nil, first, length, 0x04030201)
			plain := AppendHeader(nil, first, length)
			checkPeer(t, first, length, plain, masked)

			h, n, err := ParseHeader(masked, AllowRSV1, 1<<63-1)
			want := Header{
				Length: uint64(length), Key: 0x04030201, Opcode: Opcode(first & bitsOp),
				Fin: first&Fin != 0, RSV1: first&RSV1 != 0,
			}
			if h != want || n != len(masked) || err != nil {
				t.Errorf("masked: got %+v %d %v, want %+v", h, n, err, want)
			}
			want.Key = 0
			if h, n, err = ParseHeader(plain, AllowRSV1|Client, 1<<63-1); h != want || n != len(plain) || err != nil {
				t.Errorf("plain: got %+v %d %v, want %+v", h, n, err, want)
			}
			for i := range masked {
				if h, n, err = ParseHeader(masked[:i], AllowRSV1, 1<<63-1); h != (Header{}) || n != 0 || err != nil {
					t.Errorf("%d bytes of %x: got %+v %d %v", i, masked, h, n, err)
				}
			}
		}
	}
}

func checkPeer(t *testing.T, first First, length int, plain, masked []byte) {
	t.Helper()
	h := ws.Header{
		Fin: first&Fin != 0, OpCode: ws.OpCode(first & bitsOp), Length: int64(length),
		Rsv: ws.Rsv(first&RSV1 != 0, false, false),
	}
	var buf bytes.Buffer
	require.NoError(t, ws.WriteHeader(&buf, h))
	if !bytes.Equal(buf.Bytes(), plain) {
		t.Errorf("plain header: got %x, gobwas wrote %x", plain, buf.Bytes())
	}
	buf.Reset()
	h.Masked, h.Mask = true, [4]byte{1, 2, 3, 4}
	require.NoError(t, ws.WriteHeader(&buf, h))
	if !bytes.Equal(buf.Bytes(), masked) {
		t.Errorf("masked header: got %x, gobwas wrote %x", masked, buf.Bytes())
	}
}

func TestAppendMasked(t *testing.T) {
	want := []byte{0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58}
	got := AppendMasked(nil, Fin|First(Text), 0x3d21fa37, []byte("Hello"))
	if !bytes.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
}
