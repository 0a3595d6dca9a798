package sio_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sirocco-io/sirocco/sio"
)

// A broadcast that every client answers, within a second.
func ExampleBroadcast_EmitWithAck() {
	io, err := sio.NewServer(sio.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer io.Close()
	answers, err := io.To("jury").Timeout(time.Second).EmitWithAck(context.Background(), "vote", "Ann")
	var missing *sio.AckError
	if errors.As(err, &missing) {
		fmt.Printf("%d of %d voted\n", missing.Answered, missing.Asked)
	}
	for _, a := range answers {
		var points int
		_ = a.Decode(&points)
		fmt.Println(points)
	}
	fmt.Println(len(answers), "votes")
	// Output: 0 votes
}

// Every socket of a user, on whatever node.
func ExampleBroadcast_FetchSockets() {
	io, err := sio.NewServer(sio.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer io.Close()
	sockets, err := io.To("user:17").FetchSockets(context.Background())
	for _, s := range sockets {
		_ = s.Emit("notice", "you are logged in elsewhere")
	}
	_ = io.To("user:17").DisconnectSockets(true)
	fmt.Println(len(sockets), err)
	// Output: 0 <nil>
}

// Clients that lose their connection for less than a minute miss nothing.
func ExampleRecovery() {
	io, err := sio.NewServer(sio.Config{
		ConnectionStateRecovery: &sio.Recovery{MaxDisconnectionDuration: time.Minute},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer io.Close()
	io.OnConnection(func(s *sio.Socket) {
		if s.Recovered() {
			return // rooms and data are there
		}
		_ = s.Join("news")
	})
	fmt.Println(io.Stats().Recovered)
	// Output: 0
}
