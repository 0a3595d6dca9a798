//go:build !linux

package poller

import "errors"

// platformBackend is the default on this system.
const platformBackend = BackendNetpoll

// newURingBackend fails: there is no io_uring.
func newURingBackend() (backend, error) {
	return nil, errors.New("poller: Config.Backend \"uring\" exists on Linux only")
}

// newEpollBackend fails: there is no epoll.
func newEpollBackend() (backend, error) {
	return nil, errors.New("poller: Config.Backend \"epoll\" exists on Linux only")
}
