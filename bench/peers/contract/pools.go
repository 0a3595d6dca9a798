package contract

import (
	"bytes"
	"io"
	"sync"
)

// keepBytes is the largest buffer that goes back to the pool.
const keepBytes = 64 << 10

// Message is one message in a buffer from a pool.
type Message struct{ buf *bytes.Buffer }

var messages = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// ReadMessage reads r to its end. The caller frees the message, also when there
// is an error.
func ReadMessage(r io.Reader) (Message, error) {
	m := Message{messages.Get().(*bytes.Buffer)}
	_, err := m.buf.ReadFrom(r)
	return m, err
}

// Bytes is the message.
// Ownership: the caller may write over it, until it calls Free.
func (m Message) Bytes() []byte { return m.buf.Bytes() }

// Free gives the buffer back.
func (m Message) Free() {
	if m.buf.Cap() > keepBytes {
		return
	}
	m.buf.Reset()
	messages.Put(m.buf)
}
