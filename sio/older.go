package sio

import (
	"bytes"
	"net/url"
	"reflect"

	"github.com/sirocco-io/sirocco/internal/frame"
)

// What is different for clients of Socket.IO 1 and 2, which speak revision 4 of
// the protocol on Engine.IO 3:
//
//   - they are in "/" without asking;
//   - a CONNECT has a query behind the namespace's name, and no payload;
//   - its answer carries no id: the client makes it of that of the session;
//   - a refusal (ERROR) carries the data or the text of the error alone.

// olderEngine is the revision of Engine.IO that they speak.
const olderEngine = 3

// limits are the bounds of the decoder for what this client sends.
func (c *client) limits() limits {
	lim := c.loop.srv.limits
	lim.query = c.older
	return lim
}

// nameAsOlder gives s the id that a client of revision 4 expects it to have.
// Loop only.
func (s *Socket) nameAsOlder() {
	x := s.extend()
	x.name = s.sess.ID()
	if s.nsp.name != "/" {
		x.name = s.nsp.name + "#" + x.name
	}
	s.nsp.srv.older.Store(x.name, s)
}

// socket returns the socket with this id, or nil.
func (srv *Server) socket(id string) *Socket {
	if looksLikeID(id) {
		if s := srv.sockets.Get(id); s != nil {
			return s
		}
	}
	if !srv.cfg.AllowEIO3 {
		return nil
	}
	s, _ := srv.older.Load(id)
	found, _ := s.(*Socket)
	return found
}

// forget makes s unknown.
func (srv *Server) forget(s *Socket) {
	srv.sockets.Remove(s.id)
	if x := s.ext.Load(); x != nil && x.name != "" {
		srv.older.CompareAndDelete(x.name, s)
	}
}

// queryJSON returns a query as a JSON object of strings, and nil for none. Of
// equal keys the last counts. The caller owns the result.
//
// Ownership: query is only read.
func queryJSON(query []byte) []byte {
	if len(query) == 0 {
		return nil
	}
	var keys []string
	values := make(map[string]string)
	for pair := range bytes.SplitSeq(query, []byte{'&'}) {
		if len(pair) == 0 {
			continue
		}
		k, v, _ := bytes.Cut(pair, []byte{'='})
		key := unescapeQuery(k)
		if _, again := values[key]; !again {
			keys = append(keys, key)
		}
		values[key] = unescapeQuery(v)
	}
	b := []byte{'{'}
	for i, key := range keys {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(append(appendString(b, key), ':'), values[key])
	}
	return append(b, '}')
}

// unescapeQuery decodes percent escapes and plus signs; what is none of them
// stays as it is. Ownership: b is copied.
func unescapeQuery(b []byte) string {
	if s, err := url.QueryUnescape(string(b)); err == nil {
		return s
	}
	return string(b)
}

// connectFrame encodes the answer to the CONNECT of s.
func (s *Socket) connectFrame() (*frame.Frame, error) {
	srv, nsp := s.nsp.srv, s.nsp.name
	switch {
	case !clientOf(s.sess).older:
		return srv.connectFrame(nsp, s.ID(), s.newPID())
	case srv.cfg.Parser != nil:
		return srv.encodePlain(&Packet{Type: PacketConnect, Namespace: nsp, ID: noAck})
	}
	f := frame.New()
	f.B = appendHead(f.B, packetConnect, 0, nsp, noAck)
	return f.SealText(), nil
}

// olderErrorFrame encodes a refusal in revision 4: `err.data || err.message`,
// in the reference's words.
func (srv *Server) olderErrorFrame(nsp, message string, data any) (*frame.Frame, error) {
	if falsy(data) {
		data = message
	}
	if srv.cfg.Parser != nil {
		plain, err := flattener{codec: srv.codec}.value(data)
		if err != nil {
			return nil, err
		}
		return srv.encodePlain(&Packet{Type: PacketConnectError, Namespace: nsp, ID: noAck, Data: plain})
	}
	f := frame.New()
	b, err := srv.codec.Append(appendHead(f.B, packetConnectError, 0, nsp, noAck), data)
	if err != nil {
		f.SealRaw().Release()
		return nil, err
	}
	f.B = b
	return f.SealText(), nil
}

// falsy reports whether JavaScript takes v for false.
func falsy(v any) bool {
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Invalid:
		return true
	case reflect.Bool, reflect.String, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Float32, reflect.Float64:
		return r.IsZero()
	case reflect.Pointer, reflect.Map, reflect.Slice:
		return r.IsNil()
	}
	return false
}
