package sio

import "sync"

// taskKind says what a task is for.
type taskKind uint8

const (
	taskEvent       taskKind = iota // an event of the client
	taskAck                         // an acknowledgement with a callback
	taskOutgoing                    // a broadcast, for outgoing listeners
	taskMiddlewares                 // the middlewares of a CONNECT
	taskConnection                  // the connection handlers
	taskFarewell                    // the disconnect handlers
	taskLookup                      // a CONNECT to a namespace that may have to be made
	taskUpgrade                     // the upgrade handlers
	taskTake                        // a client asks for its session
	taskReplay                      // a session is on its way back
	taskReturn                      // a session could not be given back
)

// task is work that is done for a socket off the loop, in order. It owns the
// bytes that the work is about.
type task struct {
	next   *task
	socket *Socket
	kind   taskKind
	staged bool // the dispatcher has it and will free it
	inline bool // the inline handlers have been called

	name  []byte   // of an event: view of buf
	event RawEvent // for events; args and attachments are views of buf
	buf   []byte
	ends  []int    // where the attachments in buf end
	parts [][]byte // the attachments

	ack      func(Args, error) // taskAck
	err      error             // taskAck, taskFarewell
	reason   Reason            // taskFarewell
	lookup   *lookup           // taskLookup
	recovery *recovery         // taskTake, taskReplay, taskReturn
}

// maxPooledTaskBytes keeps one large event from pinning its buffer.
const maxPooledTaskBytes = 64 << 10

var tasks = sync.Pool{New: func() any { return new(task) }}

func getTask() *task { return tasks.Get().(*task) }

// free clears t and puts it into the pool.
func (t *task) free() {
	buf, ends, parts := t.buf[:0], t.ends[:0], t.parts
	if cap(buf) > maxPooledTaskBytes {
		buf = nil
	}
	clear(parts)
	*t = task{buf: buf, ends: ends, parts: parts[:0]}
	tasks.Put(t)
}

// cut makes parts from ends; the packet's text is in front of them.
func (t *task) cut(text int) {
	from := text
	for _, end := range t.ends {
		t.parts = append(t.parts, t.buf[from:end:end])
		from = end
	}
}

// keep copies the name and the arguments of p, unless t holds them already.
func (t *task) keep(p *packet) {
	if len(t.ends) > 0 {
		t.name, t.event.args = p.name, p.args
	} else {
		n := len(p.name)
		t.buf = append(append(t.buf, p.name...), p.args...)
		t.name, t.event.args = t.buf[:n:n], t.buf[n:]
	}
	t.event.id, t.event.parsed = p.id, p.parsed
	t.event.attachments = t.parts
}

// size is what t counts for in the limit of bytes.
func (t *task) size() int32 {
	n := int32(len(t.buf))
	if t.event.parsed != nil {
		n += t.event.parsed.size
	}
	return n
}

// hold keeps args that own their bytes.
func (t *task) hold(args Args) {
	t.event.args, t.event.parsed = args.raw, args.parsed
	t.parts = append(t.parts, args.attachments...)
}

// held returns what hold kept.
func (t *task) held(codec JSONCodec) Args {
	args := Args{raw: t.event.args, codec: codec, parsed: t.event.parsed}
	args.attachments = append(args.attachments, t.parts...)
	return args
}
