package main

import "github.com/lxzan/gws"

// session is the part of a client that gws asks a session for: nothing is
// stored in it by name.
type session struct{}

var _ gws.SessionStorage = session{}

// Len is 0.
func (session) Len() int { return 0 }

// Load finds nothing.
func (session) Load(string) (any, bool) { return nil, false }

// Delete has nothing to delete.
func (session) Delete(string) {}

// Store keeps nothing.
func (session) Store(string, any) {}

// Range has nothing to walk over.
func (session) Range(func(string, any) bool) {}
