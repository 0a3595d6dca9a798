package load

import "fmt"

// The handshake of RFC 6455 section 1.3: any key serves a load generator.
const (
	wsKey    = "dGhlIHNhbXBsZSBub25jZQ=="
	wsAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
)

// offer is what clients offer that are to use permessage-deflate: no context on
// either side, so that a server may send all of them the same bytes.
const offer = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

// upgradeRequest asks for a WebSocket, of session sid when it is not empty.
func (f *fleet) upgradeRequest(sid string) []byte {
	query := f.dialect.query()
	if sid != "" {
		query += "&sid=" + sid
	}
	extensions := ""
	if f.cfg.Deflate {
		extensions = "Sec-WebSocket-Extensions: " + offer + "\r\n"
	}
	return fmt.Appendf(nil, "GET %s%s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\n"+
		"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n%s\r\n", f.cfg.Path, query, f.host, wsKey, extensions)
}

// pollRequest asks for the packets of session sid, or for a new session.
func (f *fleet) pollRequest(sid string) []byte {
	if sid != "" {
		sid = "&sid=" + sid
	}
	return fmt.Appendf(nil, "GET %s?EIO=4&transport=polling%s HTTP/1.1\r\nHost: %s\r\n\r\n", f.cfg.Path, sid, f.host)
}

// postRequest brings a payload to session sid.
func (f *fleet) postRequest(sid string, payload []byte) []byte {
	return fmt.Appendf(nil, "POST %s?EIO=4&transport=polling&sid=%s HTTP/1.1\r\nHost: %s\r\n"+
		"Content-Type: text/plain;charset=UTF-8\r\nContent-Length: %d\r\n\r\n%s", f.cfg.Path, sid, f.host, len(payload), payload)
}
