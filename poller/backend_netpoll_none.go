//go:build linux && !amd64 && !arm64 && !loong64 && !riscv64

package poller

import "errors"

// newNetpollBackend fails: netpoll does not compile for this processor.
func newNetpollBackend(int) (backend, error) {
	return nil, errors.New("poller: Config.Backend \"netpoll\" is not available on this processor")
}
