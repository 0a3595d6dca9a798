package load

import (
	"errors"
	"time"
)

// beatTurns is how many groups of clients have their heartbeat one after the
// other.
const beatTurns = 50

var errNoPong = errors.New("load: the server did not answer a heartbeat within an interval")

// startBeats has every client send its heartbeat once an interval, for a
// dialect in which clients do. Loop only.
func (f *fleet) startBeats(interval time.Duration) {
	if f.beating {
		return
	}
	f.beating = true
	go func() { // ends when the loop takes no more calls: close
		for range time.Tick(interval / beatTurns) {
			if !f.loop.Post(beatTurn, f, nil) {
				return
			}
		}
	}()
}

func beatTurn(f, _ any) { f.(*fleet).beatNext() }

// beatNext lets the next group of clients ask. Loop only.
func (f *fleet) beatNext() {
	f.beats++
	for i := f.beats % beatTurns; i < len(f.clients); i += beatTurns {
		c := f.clients[i]
		if c.state != joined {
			continue
		}
		if c.beat {
			f.fault(c, errNoPong)
			return
		}
		c.beat = true
		c.say("2")
	}
}
