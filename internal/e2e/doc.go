// Package e2e holds the tests that judge Sirocco from outside: the official clients of npm in Node.js,
// and Chromium with the chat page of cmd/sirocco. Every script under js/ also runs against the
// reference server, so that a check that is wrong about Socket.IO fails too.
//
// The tests need Node.js, the packages of package-lock.json and a Chromium; `make e2e` installs what is
// missing and runs them, `go test -short` leaves them out.
package e2e
