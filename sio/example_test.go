package sio_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/sirocco-io/sirocco/internal/selfsigned"
	"github.com/sirocco-io/sirocco/sio"
)

func Example() {
	io, err := sio.NewServer(sio.Config{PingInterval: 10 * time.Second})
	if err != nil {
		log.Fatal(err)
	}
	io.OnConnection(func(s *sio.Socket) {
		if err := s.Join("lobby"); err != nil {
			s.Disconnect(true)
			return
		}
		_ = s.To("lobby").Emit("joined", s.ID())
	})
	sio.On(io, "chat", func(s *sio.Socket, text string) error {
		return io.To("lobby").Emit("chat", s.ID(), text)
	})
	addr, err := io.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(addr.Network())
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := io.Shutdown(ctx); err != nil {
		log.Fatal(err)
	}
	// Output: tcp
}

func ExampleServer_ListenTLS() {
	cert, err := selfsigned.Certificate("localhost") // or the GetCertificate of sio.CertificateFiles
	if err != nil {
		log.Fatal(err)
	}
	io := newServer()
	defer io.Close()
	io.OnConnection(func(s *sio.Socket) {
		if state := s.Handshake().TLS; state != nil && len(state.VerifiedChains) > 0 {
			fmt.Println(state.PeerCertificates[0].Subject)
		}
	})
	addr, err := io.ListenTLS("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{cert},
		ClientAuth:   tls.VerifyClientCertIfGiven,
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(addr.Network())
	// Output: tcp
}

func newServer() *sio.Server {
	io, err := sio.NewServer(sio.Config{})
	if err != nil {
		log.Fatal(err)
	}
	return io
}

func ExampleOn() {
	type move struct {
		X, Y int
	}
	io := newServer()
	sio.On(io, "move", func(s *sio.Socket, m move) error {
		if m.X < 0 {
			return errors.New("out of the field") // acknowledged as {"error": …}
		}
		return s.Broadcast().Emit("move", s.ID(), m)
	})
}

func ExampleOn2() {
	io := newServer()
	sio.On2(io, "rename", func(s *sio.Socket, room, name string) error {
		return io.To(room).Emit("renamed", room, name)
	})
}

func ExampleOnAck() {
	io := newServer()
	// client: const sum = await socket.emitWithAck("sum", [1, 2, 3])
	sio.OnAck(io, "sum", func(_ *sio.Socket, numbers []int) (int, error) {
		sum := 0
		for _, n := range numbers {
			sum += n
		}
		return sum, nil
	})
}

func ExampleNamespace_On() {
	io := newServer()
	io.On("anything", func(s *sio.Socket, args []any, ack sio.Ack) {
		ack(len(args)) // does nothing if the client wants no answer
	})
}

func ExampleNamespace_OnRaw() {
	io := newServer()
	// An echo that decodes and allocates nothing, on the loop itself.
	io.OnRaw("echo", func(e *sio.RawEvent) {
		_ = e.Socket().EmitRaw("echo", e.Args(), e.Attachments()...)
	}, sio.Inline)
}

func ExampleNamespace_Use() {
	io := newServer()
	io.Of("/admin").Use(func(s *sio.Socket) error {
		var auth struct{ Token string }
		if err := s.Handshake().BindAuth(&auth); err != nil || auth.Token != "secret" {
			return &sio.ConnectError{Message: "not authorized", Data: map[string]int{"retryAfter": 60}}
		}
		s.SetData("admin")
		return nil
	})
}

func ExampleNamespace_OnDisconnect() {
	io := newServer()
	io.OnDisconnecting(func(s *sio.Socket, _ sio.Reason, _ error) {
		for _, room := range s.Rooms() {
			_ = s.To(room).Emit("left", s.ID())
		}
	})
	io.OnDisconnect(func(s *sio.Socket, reason sio.Reason, err error) {
		log.Println(s.ID(), reason, err)
	})
}

func ExampleBroadcast() {
	io := newServer()
	staff := io.To("staff", "admins").Except("muted") // can be kept and refined
	_ = staff.Emit("alert", "disk is full")
	_ = staff.Volatile().Emit("load", 0.93)
}

func ExampleSocket_EmitWithAck() {
	io := newServer()
	io.OnConnection(func(s *sio.Socket) {
		answer, err := s.Timeout(5*time.Second).EmitWithAck(s.Context(), "name?")
		if errors.Is(err, sio.ErrAckTimeout) || errors.Is(err, sio.ErrDisconnected) {
			return
		}
		var name string
		if err := answer.Decode(&name); err == nil {
			s.SetData(name)
		}
	})
}

func ExampleSocket_EmitAck() {
	io := newServer()
	io.OnConnection(func(s *sio.Socket) {
		_ = s.EmitAck("ready?", func(_ sio.Args, err error) {
			if err == nil {
				_ = s.Emit("go")
			}
		})
	})
}

func ExampleSocket_Volatile() {
	io := newServer()
	io.OnConnection(func(s *sio.Socket) {
		_ = s.Volatile().Emit("position", 12, 7) // may be dropped, is never late
	})
}

func ExampleSocket_Emit_binary() {
	io := newServer()
	io.OnConnection(func(s *sio.Socket) {
		// []byte is sent as binary wherever it is.
		_ = s.Emit("file", map[string]any{"name": "a.png", "data": []byte{0x89, 'P', 'N', 'G'}})
	})
}

func ExampleArgs() {
	io := newServer()
	sio.On(io, "mixed", func(_ *sio.Socket, args sio.Args) error {
		var id int
		if args.Len() > 1 {
			var name string
			return args.Decode(&id, &name)
		}
		return args.Decode(&id)
	})
}

func ExampleServer_Stats() {
	io := newServer()
	fmt.Println(io.Stats().Sockets)
	// Output: 0
}
