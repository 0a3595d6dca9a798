package sio_test

import (
	"log"
	"regexp"

	"github.com/sirocco-io/sirocco/sio"
)

func ExampleServer_OfPattern() {
	io, err := sio.NewServer(sio.Config{CleanupEmptyChildNamespaces: true})
	if err != nil {
		log.Fatal(err)
	}
	// A namespace for each document, made when its first reader comes.
	documents := io.OfPattern(regexp.MustCompile(`^/documents/[0-9]+$`))
	documents.OnConnection(func(s *sio.Socket) {
		_ = s.Broadcast().Emit("joined", s.ID()) // to those of the same document
	})
	sio.On(documents, "edit", func(s *sio.Socket, change sio.Args) error {
		return s.Broadcast().EmitRaw("edit", change.Raw(), change.Attachments()...)
	})
	_ = documents.Emit("maintenance", "in five minutes") // to the readers of all documents
}

func ExampleServer_OfFunc() {
	io := newServer()
	known := func(string) bool { return true } // asks a database, for example
	io.OfFunc(func(name string, h sio.Handshake) bool {
		var auth struct{ Tenant string }
		return h.BindAuth(&auth) == nil && name == "/"+auth.Tenant && known(auth.Tenant)
	})
}

func ExampleServer_OnNewNamespace() {
	io := newServer()
	io.OnNewNamespace(func(n *sio.Namespace) {
		log.Println("new namespace", n.Name())
	})
}

func ExampleSocket_OnUpgrade() {
	io := newServer()
	io.OnConnection(func(s *sio.Socket) {
		log.Println(s.ID(), "is connected by", s.Conn().TransportName())
		s.OnUpgrade(func(transport string) { log.Println(s.ID(), "went over to", transport) })
	})
}

func ExampleSocket_ClientSockets() {
	io := newServer()
	io.OnDisconnect(func(s *sio.Socket, _ sio.Reason, _ error) {
		for _, other := range s.ClientSockets() { // in other namespaces
			other.Disconnect(false)
		}
	})
}

func ExampleHandshake_Request() {
	io := newServer()
	io.Use(func(s *sio.Socket) error {
		cookie, err := s.Handshake().Request().Cookie("session")
		if err != nil {
			return &sio.ConnectError{Message: "not logged in"}
		}
		s.SetData(cookie.Value)
		return nil
	})
}
