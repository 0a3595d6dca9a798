package id_test

import (
	"fmt"

	"github.com/sirocco-io/sirocco/internal/id"
)

type session struct {
	id   id.ID
	name string
}

func ExampleTable() {
	table := id.NewTable(func(s *session) *id.ID { return &s.id })
	s := &session{name: "first"}
	sid, _ := table.Add(s)
	fmt.Println(len(sid.String()), table.Get(sid.String()).name)
	table.Remove(sid)
	fmt.Println(table.Get(sid.String()) == nil)
	// Output:
	// 20 first
	// true
}
