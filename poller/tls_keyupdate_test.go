package poller

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// sealer makes records of a TLS 1.3 client (RFC 8446 section 5.2), since
// crypto/tls has no way to ask for a key update. The suite is
// TLS_AES_128_GCM_SHA256.
type sealer struct {
	secret []byte
	aead   cipher.AEAD
	iv     []byte
	seq    uint64
}

// use makes secret the one that records are sealed with.
func (s *sealer) use(t *testing.T, secret []byte) {
	block, err := aes.NewCipher(expand(t, secret, "key", 16))
	require.NoError(t, err)
	s.aead, err = cipher.NewGCM(block)
	require.NoError(t, err)
	s.secret, s.iv, s.seq = secret, expand(t, secret, "iv", 12), 0
}

// next goes over to the next secret (RFC 8446 section 7.2).
func (s *sealer) next(t *testing.T) { s.use(t, expand(t, s.secret, "traffic upd", 32)) }

// record returns a record of the type.
func (s *sealer) record(typ byte, content []byte) []byte {
	inner := append(append([]byte(nil), content...), typ)
	header := []byte{23, 3, 3, 0, 0}
	binary.BigEndian.PutUint16(header[3:], uint16(len(inner)+16))
	nonce := append([]byte(nil), s.iv...)
	for i := range 8 {
		nonce[4+i] ^= byte(s.seq >> (56 - 8*i))
	}
	s.seq++
	return s.aead.Seal(header, nonce, inner, header)
}

// expand is HKDF-Expand-Label (RFC 8446 section 7.1).
func expand(t *testing.T, secret []byte, label string, n int) []byte {
	label = "tls13 " + label
	info := append([]byte{0, byte(n), byte(len(label))}, label...)
	out, err := hkdf.Expand(sha256.New, secret, string(append(info, 0)), n)
	require.NoError(t, err)
	return out
}

// keyUpdate is the message with update_requested (RFC 8446 section 4.6.3).
var keyUpdate = []byte{24, 0, 0, 1, 1}

// TestTLSKeyUpdate asks for new keys, again and again, whole or in pieces and
// between data: what is written in answer keeps its place.
func TestTLSKeyUpdate(t *testing.T) {
	p := newPoller(t, Config{})
	var keys bytes.Buffer
	cfg := clientTLS()
	cfg.KeyLogWriter, cfg.MinVersion = &keys, tls.VersionTLS13
	server := serverTLS()
	c := dialTLS(t, listenTLS(t, p, server, acceptEcho), cfg)
	if c.ConnectionState().CipherSuite != tls.TLS_AES_128_GCM_SHA256 {
		t.Skip("another suite was chosen")
	}
	s := &sealer{}
	for line := range strings.Lines(keys.String()) {
		if f := strings.Fields(line); f[0] == "CLIENT_TRAFFIC_SECRET_0" {
			secret, err := hex.DecodeString(f[2])
			require.NoError(t, err)
			s.use(t, secret)
		}
	}
	for round := range 40 {
		var wire []byte
		wire = append(wire, s.record(23, []byte("before "))...)
		if round%2 == 0 {
			wire = append(wire, s.record(22, keyUpdate)...)
		} else {
			wire = append(wire, s.record(22, keyUpdate[:2])...)
			wire = append(wire, s.record(22, keyUpdate[2:])...)
		}
		s.next(t)
		wire = append(wire, s.record(23, []byte("behind"))...)
		_, err := c.NetConn().Write(wire)
		require.NoError(t, err)
		got := make([]byte, len("before behind"))
		_, err = io.ReadFull(c, got)
		require.NoError(t, err)
		if string(got) != "before behind" {
			t.Fatalf("round %d: got %q", round, got)
		}
	}
}
