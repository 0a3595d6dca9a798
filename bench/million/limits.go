package million

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sirocco-io/sirocco/bench/proc"
)

// What a pair of processes takes before anything is known: with its sockets at
// both ends, and by itself.
const (
	guessedSocket = 14 << 10
	pairBytes     = 64 << 20
)

// filesPerSocket is a descriptor at both ends.
const filesPerSocket = 2

// limit says what stands against n more sockets when open ones are there; ""
// when nothing does. before is the machine without any.
func limit(before, now proc.Kernel, open, n int, floor int64) string {
	each := int64(guessedSocket)
	if open > 0 {
		each = max(before.Available-now.Available, 0) / int64(open)
	}
	need := each*int64(n) + pairBytes
	files := now.Files + filesPerSocket*int64(n)
	switch {
	case now.Available-need < floor:
		return fmt.Sprintf("memory: %s are available, the next %d sockets need about %s, and %s stay free",
			gib(now.Available), n, gib(need), gib(floor))
	case files > now.MaxFiles:
		return fmt.Sprintf("open files: %d of fs.file-max %d are open; to go on: sysctl -w fs.file-max=%d", now.Files, now.MaxFiles, 2*now.MaxFiles)
	case now.SocketBytes > now.PressureBytes:
		return fmt.Sprintf("TCP's buffers: %s of the %s at which TCP saves memory; see sysctl net.ipv4.tcp_mem", gib(now.SocketBytes), gib(now.PressureBytes))
	case now.MaxTracked > 0 && now.Tracked-before.Tracked > int64(open)/2 && open > 0 && now.Tracked+int64(n) > now.MaxTracked:
		return fmt.Sprintf("netfilter follows %d of %d connections; to go on: sysctl -w net.netfilter.nf_conntrack_max=%d", now.Tracked, now.MaxTracked, 4*now.MaxTracked)
	}
	return ""
}

func gib(bytes int64) string { return fmt.Sprintf("%.2f GiB", float64(bytes)/(1<<30)) }

var errFloor = errors.New("million: available memory fell below the floor")

// lookEvery is how often the memory is looked at.
const lookEvery = 500 * time.Millisecond

// watched returns a context that ends after limit, with ctx, or when less than
// floor is available. The caller calls stop.
func watched(ctx context.Context, limit time.Duration, floor int64) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() { // ends with the context, before stop returns
		defer close(done)
		look := time.NewTicker(lookEvery)
		defer look.Stop()
		end := time.NewTimer(limit)
		defer end.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-end.C:
				cancel(fmt.Errorf("million: not done within %v", limit))
			case <-look.C:
				if k, err := proc.ReadKernel(); err == nil && k.Available < floor {
					cancel(fmt.Errorf("%w: %s of %s", errFloor, gib(k.Available), gib(floor)))
				}
			}
		}
	}()
	return ctx, func() { cancel(nil); <-done }
}
