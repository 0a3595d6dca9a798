package main

import (
	"errors"

	"github.com/sirocco-io/sirocco/sio"
)

// room is the room of a user's sockets: with an adapter, on all nodes.
func room(user string) string { return "user:" + user }

// admit lets a socket in as the user's.
func admit(s *sio.Socket, user string) error {
	s.SetData(user)
	return s.Join(room(user))
}

// Kick disconnects every socket that the user has in the namespaces, with the
// connections they came by.
func Kick(user string, namespaces ...*sio.Namespace) error {
	var errs []error
	for _, n := range namespaces {
		errs = append(errs, n.In(room(user)).DisconnectSockets(true))
	}
	return errors.Join(errs...)
}
