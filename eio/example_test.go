package eio_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/sirocco-io/sirocco/eio"
)

// shout answers in capitals.
type shout struct{}

func (shout) OnOpen(*eio.Session)    {}
func (shout) OnUpgrade(*eio.Session) {}
func (shout) OnDrain(*eio.Session)   {}

func (shout) OnMessage(s *eio.Session, b []byte, binary bool) {
	// b is only valid until OnMessage returns; Write copies what it is given.
	if err := s.Write([]byte(strings.ToUpper(string(b))), binary); err != nil {
		fmt.Println(err)
	}
}

func (shout) OnClose(*eio.Session, eio.Reason, error) {}

func ExampleNewServer() {
	server, err := eio.NewServer(eio.Config{}, shout{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = server.Close() }()
	addr, err := server.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}

	// A client of long-polling, by hand.
	target := "http://" + addr.String() + "/engine.io/?EIO=4&transport=polling"
	open := get(target)
	_, rest, _ := strings.Cut(open, `"sid":"`)
	sid, _, _ := strings.Cut(rest, `"`)
	res, err := http.Post(target+"&sid="+sid, "text/plain", strings.NewReader("4hello"))
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = res.Body.Close()
	fmt.Println(get(target + "&sid=" + sid))
	// Output: 4HELLO
}

func get(target string) string {
	res, err := http.Get(target)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func ExampleConfig() {
	_, err := eio.NewServer(eio.Config{
		AllowedOrigins: []string{"https://app.example"},
		Cookie:         &eio.Cookie{Name: "lb"},
		AllowRequest: func(r *http.Request) error {
			if r.Header.Get("Authorization") == "" {
				return eio.ErrForbidden
			}
			return nil
		},
		Transports: []string{"pigeon"},
	}, shout{})
	fmt.Println(err)
	// Output: eio: Config.Transports: "pigeon" is unknown
}
