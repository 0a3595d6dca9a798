package sio

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
)

// linesParser is a parser for tests: the first message is JSON, each []byte of
// the arguments follows as a message of its own.
type linesParser struct {
	fail bool // to encode anything
	none bool // encodes to no message
	lazy bool // decodes arguments when they are asked for
}

type linesPacket struct {
	Type   PacketType
	NSP    string
	ID     int64
	HasID  bool
	Event  string
	Args   []any
	Data   any
	Behind int
}

var errLines = errors.New("bad lines")

func (l linesParser) Encode(p *Packet) ([]Message, error) {
	if l.fail {
		return nil, errLines
	}
	if l.none {
		return nil, nil
	}
	head := linesPacket{Type: p.Type, NSP: p.Namespace, ID: p.ID, HasID: p.HasID, Event: p.Event, Data: p.Data}
	out := []Message{{}}
	for _, v := range p.Args {
		if b, ok := v.([]byte); ok {
			out = append(out, Message{Data: b, Binary: true})
			v = "BINARY"
		}
		head.Args = append(head.Args, v)
	}
	head.Behind = len(out) - 1
	var err error
	out[0].Data, err = json.Marshal(head)
	return out, err
}

func (l linesParser) NewDecoder(Limits) Decoder { return &linesDecoder{lazy: l.lazy} }

type linesDecoder struct {
	lazy  bool
	head  linesPacket
	parts [][]byte
	open  bool
}

func (d *linesDecoder) Decode(p *Packet, msg []byte, binary bool) (bool, error) {
	if binary != d.open {
		return false, errLines
	}
	if binary {
		d.parts = append(d.parts, append([]byte{}, msg...))
	} else {
		d.head, d.parts = linesPacket{}, nil
		if json.Unmarshal(msg, &d.head) != nil {
			return false, errLines
		}
	}
	if d.open = len(d.parts) < d.head.Behind; d.open {
		return false, nil
	}
	h := d.head
	for i, v := range h.Args {
		if v == "BINARY" {
			h.Args[i], d.parts = d.parts[0], d.parts[1:]
		}
	}
	*p = Packet{Type: h.Type, Namespace: h.NSP, ID: h.ID, HasID: h.HasID, Event: h.Event, Args: h.Args, Data: h.Data}
	if d.lazy {
		p.Args, p.Load = nil, func() ([]any, error) {
			if h.Event == "broken" {
				return nil, errLines
			}
			return clonePlain(h.Args).([]any), nil
		}
	}
	return true, nil
}

// lines is the text of a packet in the form of linesParser.
func lines(t testing.TB, p linesPacket) string {
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// joinLines connects a client that speaks the form of linesParser.
func joinLines(t testing.TB, addr string) *parsedClient {
	c := &parsedClient{dial(t, addr)}
	c.write("4"+lines(t, linesPacket{NSP: "/", Data: map[string]any{"token": "x"}}), false)
	if got := c.packet(); got.Type != PacketConnect || got.NSP != "/" {
		t.Fatalf("answer to CONNECT: %+v", got)
	}
	return c
}

type parsedClient struct{ *testClient }

func (c *parsedClient) packet() (p linesPacket) {
	c.t.Helper()
	text := c.next()
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		c.t.Fatalf("%q: %v", text, err)
	}
	return p
}

func (c *parsedClient) emit(p linesPacket, binary ...string) {
	p.Type, p.NSP, p.Behind = PacketEvent, "/", len(binary)
	c.send(lines(c.t, p))
	for _, b := range binary {
		c.send("b:" + b)
	}
}

// TestParserCarriesEverything takes each kind of packet through a parser.
func TestParserCarriesEverything(t *testing.T) {
	for _, lazy := range []bool{false, true} {
		t.Run(fmt.Sprintf("lazy %v", lazy), func(t *testing.T) {
			srv, addr := serve(t, Config{Parser: linesParser{lazy: lazy}})
			testParserCarriesEverything(t, srv, addr)
		})
	}
}

func testParserCarriesEverything(t *testing.T, srv *Server, addr string) {
	sockets := make(chan *Socket, 4)
	seen := make(chan string, 16)
	replies := make(chan Args, 1)
	srv.OnConnection(func(s *Socket) {
		s.OnAnyOutgoing(func(event string, args Args) { seen <- "out " + event + " " + string(args.Raw()) })
		_ = s.Join("room")
		sockets <- s
	})
	srv.OnAny(func(_ *Socket, event string, args Args) { seen <- "in " + event + " " + string(args.Raw()) })
	srv.On("dynamic", func(_ *Socket, args []any, ack Ack) { ack(args...) })
	srv.OnRaw("raw", func(e *RawEvent) { _ = e.Ack(e.Args(), e.Attachments()...) })
	OnAck2(srv, "typed", func(_ *Socket, b []byte, v struct {
		N    int
		When time.Time
	}) (string, error) {
		return fmt.Sprintf("%s %d %d", b, v.N, v.When.Unix()), nil
	})
	c := joinLines(t, addr)
	s := recv(t, sockets)
	if got := string(s.Handshake().Auth); got != `{"token":"x"}` {
		t.Errorf("Auth: %s", got)
	}

	c.emit(linesPacket{Event: "dynamic", HasID: true, ID: 3, Args: []any{1, "BINARY", nil, map[string]any{"a": []any{true}}}}, "bytes")
	got := c.packet()
	want := linesPacket{Type: PacketAck, NSP: "/", HasID: true, ID: 3, Args: []any{1.0, "BINARY", nil, map[string]any{"a": []any{true}}}, Behind: 1}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	c.expect("b:bytes")
	if got := recv(t, seen); got != `in dynamic 1,{"_placeholder":true,"num":0},null,{"a":[true]}` {
		t.Errorf("OnAny saw %s", got)
	}

	c.emit(linesPacket{Event: "raw", HasID: true, Args: []any{"BINARY", "x", "BINARY"}}, "one", "two")
	if got := c.packet(); got.Behind != 2 || !reflect.DeepEqual(got.Args, []any{"BINARY", "x", "BINARY"}) {
		t.Errorf("raw: %+v", got)
	}
	c.expect("b:one", "b:two")
	recv(t, seen)

	c.emit(linesPacket{Event: "typed", HasID: true, Args: []any{"BINARY", map[string]any{"N": 5, "When": time.Unix(9, 0)}}}, "x")
	if got := c.packet(); !reflect.DeepEqual(got.Args, []any{"x 5 9"}) {
		t.Errorf("typed: %+v", got)
	}
	recv(t, seen)

	if err := srv.To("room").Emit("cast", map[string]int{"n": 1}, []byte("b")); err != nil {
		t.Fatal(err)
	}
	if got := c.packet(); got.Event != "cast" || got.HasID || !reflect.DeepEqual(got.Args, []any{map[string]any{"n": 1.0}, "BINARY"}) {
		t.Errorf("broadcast: %+v", got)
	}
	c.expect("b:b")
	if got := recv(t, seen); got != `out cast {"n":1},{"_placeholder":true,"num":0}` {
		t.Errorf("OnAnyOutgoing saw %s", got)
	}

	if err := s.EmitAck("ask", func(a Args, err error) { replies <- a }, 1); err != nil {
		t.Fatal(err)
	}
	ask := c.packet()
	c.send(lines(t, linesPacket{Type: PacketAck, NSP: "/", HasID: true, ID: ask.ID, Args: []any{"yes"}}))
	if v, err := recv(t, replies).Values(); err != nil || !reflect.DeepEqual(v, []any{"yes"}) {
		t.Errorf("reply %v, %v", v, err)
	}

	s.Disconnect(false)
	if got := c.packet(); got.Type != PacketDisconnect {
		t.Errorf("got %+v, want a DISCONNECT", got)
	}
}

func TestParserConnectError(t *testing.T) {
	srv, addr := serve(t, Config{Parser: linesParser{}})
	srv.Of("/closed").Use(func(*Socket) error {
		return &ConnectError{Message: "no", Data: struct{ Code int }{7}}
	})
	c := &parsedClient{dial(t, addr)}
	for nsp, want := range map[string]map[string]any{
		"/closed":  {"message": "no", "data": map[string]any{"Code": 7.0}},
		"/unknown": {"message": "Invalid namespace"},
	} {
		c.send(lines(t, linesPacket{NSP: nsp}))
		if got := c.packet(); got.Type != PacketConnectError || got.NSP != nsp || !reflect.DeepEqual(got.Data, any(want)) {
			t.Errorf("%s: %+v", nsp, got)
		}
	}
}

// TestParserViolations holds what a decoder gives out to the same limits as
// the built-in form.
func TestParserViolations(t *testing.T) {
	deep := func(n int) any {
		v := any(1)
		for range n {
			v = []any{v}
		}
		return v
	}
	event := func(p linesPacket) string {
		p.Type, p.NSP = PacketEvent, "/"
		return lines(t, p)
	}
	ended := make(chan gone, 1)
	srv, addr := serve(t, Config{Parser: linesParser{}, MaxHTTPBufferSize: 3000})
	srv.OnDisconnect(func(_ *Socket, r Reason, err error) { ended <- goneOf(r, err) })
	srv.On("a", func(_ *Socket, _ []any, ack Ack) { ack() })
	attached := func(n, bytes int) []string {
		out := []string{event(linesPacket{Event: "a", HasID: true, Behind: n})}
		for range n {
			out = append(out, "b:"+strings.Repeat("x", bytes))
		}
		return out
	}
	for _, tt := range []struct {
		name string
		send []string
		want string // "" passes
	}{
		{"the decoder's own error", []string{"{"}, errLines.Error()},
		{"binary type", []string{lines(t, linesPacket{Type: 5, NSP: "/"})}, "unknown packet type 5"},
		{"namespace of 257 bytes", []string{lines(t, linesPacket{NSP: "/" + strings.Repeat("x", 256)})}, errLongNamespace.Text},
		{"negative id", []string{event(linesPacket{Event: "a", HasID: true, ID: -1})}, errIllegalID.Text},
		{"largest id", []string{event(linesPacket{Event: "a", HasID: true, ID: maxAckID})}, ""},
		{"id above the largest", []string{event(linesPacket{Event: "a", HasID: true, ID: maxAckID + 1})}, errIllegalID.Text},
		{"reserved name", []string{event(linesPacket{Event: "disconnect"})}, errInvalidPayload.Text},
		{"long name", []string{event(linesPacket{Event: strings.Repeat("x", maxEventBytes+1)})}, errLongEvent.Text},
		{"as deep as allowed", []string{event(linesPacket{Event: "a", HasID: true, Args: []any{deep(127)}})}, ""},
		{"too deep", []string{event(linesPacket{Event: "a", Args: []any{deep(128)}})}, errInvalidPayload.Text},
		{"CONNECT with an array", []string{lines(t, linesPacket{NSP: "/x", Data: []any{}})}, errInvalidPayload.Text},
		{"CONNECT_ERROR from the client", []string{lines(t, linesPacket{Type: PacketConnectError, NSP: "/"})}, errInvalidState.Text},
		{"ten attachments", attached(10, 10), ""},
		{"eleven attachments", attached(11, 10), errTooManyAttached.Text},
		{"too many bytes", attached(4, 800), errPacketTooLarge.Text},
	} {
		c := joinLines(t, addr)
		c.send(tt.send...)
		if tt.want == "" {
			if got := c.packet(); got.Type != PacketAck {
				t.Errorf("%s: %+v", tt.name, got)
			}
			c.conn.Close()
			recv(t, ended)
			continue
		}
		if got := recv(t, ended); got.err != tt.want || got.reason != ReasonForcedClose {
			t.Errorf("%s: %+v, want %q", tt.name, got, tt.want)
		}
		c.expectClosed()
	}
}

// TestParserEncodeErrors: what cannot be encoded is the emitter's error, and a
// client that cannot be answered is closed.
func TestParserEncodeErrors(t *testing.T) {
	reported := make(chan error, 4)
	for _, tt := range []struct {
		p    linesParser
		want error
	}{{linesParser{fail: true}, errLines}, {linesParser{none: true}, errNoMessage}} {
		srv, addr := serve(t, Config{Parser: tt.p, OnError: func(err error) { reported <- err }})
		if err := srv.Emit("a"); !errors.Is(err, tt.want) {
			t.Errorf("Emit: %v, want %v", err, tt.want)
		}
		c := dial(t, addr)
		c.send(lines(t, linesPacket{NSP: "/"}))
		if err := recv(t, reported); !errors.Is(err, tt.want) {
			t.Errorf("reported %v, want %v", err, tt.want)
		}
		c.expectClosed()
	}
	srv, _ := serve(t, Config{Parser: linesParser{}})
	for name, err := range map[string]error{
		"channel":      srv.Emit("a", make(chan int)),
		"deep value":   srv.Emit("a", func() any { v := []any{nil}; v[0] = v; return v }()),
		"raw JSON":     srv.EmitRaw("a", []byte(`1,]`)),
		"raw brackets": srv.EmitRaw("a", []byte(`1],[2`)),
	} {
		if err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

// TestParserLoadFails: arguments that a lazy decoder cannot decode reach no
// handler.
func TestParserLoadFails(t *testing.T) {
	reported := make(chan error, 4)
	srv, addr := serve(t, Config{Parser: linesParser{lazy: true}, OnError: func(err error) { reported <- err }})
	srv.On("broken", func(*Socket, []any, Ack) { t.Error("the handler was called") })
	c := joinLines(t, addr)
	c.emit(linesPacket{Event: "broken"})
	if err := recv(t, reported); !errors.Is(err, errLines) {
		t.Errorf("reported %v", err)
	}
}

// TestParserIncompletePacketIsDropped: nothing stays armed when a connection
// ends between the messages of a packet.
func TestParserIncompletePacketIsDropped(t *testing.T) {
	srv, addr := serve(t, Config{Parser: linesParser{}})
	ended := make(chan gone, 1)
	srv.OnDisconnect(func(_ *Socket, r Reason, err error) { ended <- goneOf(r, err) })
	c := joinLines(t, addr)
	c.send(lines(t, linesPacket{Type: PacketEvent, NSP: "/", Event: "a", Behind: 2}), "b:x")
	c.conn.Close()
	if got := recv(t, ended); got.reason != ReasonTransportClose && got.reason != ReasonTransportError {
		t.Errorf("ended with %+v", got)
	}
}

func TestFlatten(t *testing.T) {
	when := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	text := "t"
	type embedded struct{ E int }
	type all struct {
		embedded
		B     []byte    `json:"b"`
		T     time.Time `json:"t"`
		PT    *time.Time
		I     int8
		U     uint16
		F     float32
		S     *string
		Nil   *string
		A     [2]bool
		M     map[int]string
		Any   any
		Num   json.Number
		Raw   json.RawMessage
		Empty json.RawMessage
		Q     int       `json:",string"`
		Omit  string    `json:",omitempty"`
		Zero  time.Time `json:",omitzero"`
		D     dateBytes
		NilS  []int
		NilM  map[string]int
	}
	v := all{
		embedded: embedded{1}, B: []byte{1}, T: when, PT: &when, I: -1, U: 2, F: 0.1, S: &text, A: [2]bool{true},
		M: map[int]string{1: "x"}, Any: []byte{2}, Num: "12.5", Raw: json.RawMessage(`{"r":1}`), Q: 3,
	}
	want := map[string]any{
		"E": int64(1), "b": []byte{1}, "t": when, "PT": when, "I": int64(-1), "U": uint64(2), "F": 0.1, "S": "t", "Nil": nil,
		"A": []any{true, false}, "M": map[string]any{"1": "x"}, "Any": []byte{2}, "Num": 12.5, "Raw": map[string]any{"r": 1.0}, "Empty": nil,
		"Q": "3", "D": "date", "NilS": nil, "NilM": nil,
	}
	f := flattener{codec: stdCodec{}}
	for name, x := range map[string]any{"value": v, "pointer": &v} {
		if got, err := f.value(x); err != nil || !reflect.DeepEqual(got, any(want)) {
			t.Errorf("%s: %#v, %v\nwant %#v", name, got, err, want)
		}
	}
	for _, tt := range []struct{ in, want any }{
		{nil, nil}, {7, int64(7)}, {float32(0.5), 0.5}, {[]byte(nil), nil}, {[]any(nil), nil}, {map[string]any(nil), nil},
		{[]string{"a"}, []any{"a"}}, {math.Inf(1), math.Inf(1)}, {[]any{int8(1)}, []any{int64(1)}}, {(*time.Time)(nil), nil},
	} {
		if got, err := f.value(tt.in); err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%#v: %#v, %v, want %#v", tt.in, got, err, tt.want)
		}
	}
}

func TestParsedArgsOwnTheirValues(t *testing.T) {
	a := Args{codec: stdCodec{}, parsed: &parsedArgs{args: []any{map[string]any{"k": []any{[]byte("x")}}, "s", 1.5, 3.0}}}
	first, err := a.Values()
	if err != nil {
		t.Fatal(err)
	}
	first[0].(map[string]any)["k"].([]any)[0].([]byte)[0] = 'y'
	var m map[string]any
	var raw json.RawMessage
	var f float64
	var n int
	if err := a.Decode(&m, &raw, &f, &n); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%v %s %v %v", m["k"], raw, f, n); got != `[[120]] "s" 1.5 3` {
		t.Errorf("decoded %s", got)
	}
	if err := a.Decode(nil, nil, &n); err == nil {
		t.Error("1.5 was decoded into an int")
	}
	var rest Args
	if err := a.Decode(nil, &rest); err != nil || rest.Len() != 1 || string(rest.Raw()) != `"s"` {
		t.Errorf("Args: %q, %v", rest.Raw(), err)
	}
	if a.Len() != 4 || len(a.Attachments()) != 1 {
		t.Errorf("Len %d, %d attachments", a.Len(), len(a.Attachments()))
	}
}
