package selfsigned

import (
	"crypto/tls"
	"crypto/x509"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestCertificate wants a pair that crypto/tls loads and that is trusted, for
// its names and no other.
func TestCertificate(t *testing.T) {
	c, err := Certificate("localhost", "127.0.0.1")
	require.NoError(t, err)
	cert, key, err := PEM(c)
	require.NoError(t, err)
	loaded, err := tls.X509KeyPair(cert, key)
	require.NoError(t, err)
	for name, good := range map[string]bool{"localhost": true, "127.0.0.1": true, "example.org": false} {
		_, err := loaded.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: Pool(c)})
		if (err == nil) != good {
			t.Errorf("for %s: %v", name, err)
		}
	}
}
