package sio

// On registers fn for events whose first argument decodes into a T, with
// [Args.Decode]'s rules: a missing argument is the zero T. Use [Args] as T to
// get all arguments undecoded, and [On2] and [On3] for more of them. The
// returned function removes the handler.
//
// A nil error sends an empty acknowledgement when the client asked for one; an
// error, like arguments that do not fit, is sent as {"error": text}, or reaches
// [Config.OnError] as a [*HandlerError] when no acknowledgement was asked for.
func On[T any](r Registrar, event string, fn func(s *Socket, v T) error, opts ...HandlerOption) (off func()) {
	return register(r, event, func(e *RawEvent) {
		var v T
		err := decodeTyped(e, &v)
		if err == nil {
			err = fn(e.socket, v)
		}
		e.settle(err)
	}, opts)
}

// On2 is [On] for two arguments.
func On2[A, B any](r Registrar, event string, fn func(s *Socket, a A, b B) error, opts ...HandlerOption) (off func()) {
	return register(r, event, func(e *RawEvent) {
		var a A
		var b B
		err := e.Decode(&a, &b)
		if err == nil {
			err = fn(e.socket, a, b)
		}
		e.settle(err)
	}, opts)
}

// On3 is [On] for three arguments.
func On3[A, B, C any](r Registrar, event string, fn func(s *Socket, a A, b B, c C) error, opts ...HandlerOption) (off func()) {
	return register(r, event, func(e *RawEvent) {
		var a A
		var b B
		var c C
		err := e.Decode(&a, &b, &c)
		if err == nil {
			err = fn(e.socket, a, b, c)
		}
		e.settle(err)
	}, opts)
}

// OnAck is [On] for a handler whose result is the argument of the
// acknowledgement. Without one asked for, the result is dropped.
func OnAck[T, R any](r Registrar, event string, fn func(s *Socket, v T) (R, error), opts ...HandlerOption) (off func()) {
	return register(r, event, func(e *RawEvent) {
		var v T
		var result R
		err := decodeTyped(e, &v)
		if err == nil {
			result, err = fn(e.socket, v)
		}
		settleWith(e, result, err)
	}, opts)
}

// OnAck2 is [OnAck] for two arguments.
func OnAck2[A, B, R any](r Registrar, event string, fn func(s *Socket, a A, b B) (R, error), opts ...HandlerOption) (off func()) {
	return register(r, event, func(e *RawEvent) {
		var a A
		var b B
		var result R
		err := e.Decode(&a, &b)
		if err == nil {
			result, err = fn(e.socket, a, b)
		}
		settleWith(e, result, err)
	}, opts)
}

// OnAck3 is [OnAck] for three arguments.
func OnAck3[A, B, C, R any](r Registrar, event string, fn func(s *Socket, a A, b B, c C) (R, error), opts ...HandlerOption) (off func()) {
	return register(r, event, func(e *RawEvent) {
		var a A
		var b B
		var c C
		var result R
		err := e.Decode(&a, &b, &c)
		if err == nil {
			result, err = fn(e.socket, a, b, c)
		}
		settleWith(e, result, err)
	}, opts)
}

// register adds a handler in its common form and returns what removes it.
func register(r Registrar, event string, run func(*RawEvent), opts []HandlerOption) (off func()) {
	reg, h := r.registry(), newHandler(run, opts)
	reg.add(event, h)
	return func() { reg.off(event, h) }
}

// decodeTyped decodes the first argument, or all of them into an Args.
func decodeTyped[T any](e *RawEvent, v *T) error {
	if all, ok := any(v).(*Args); ok {
		*all = e.view().clone()
		return nil
	}
	return e.Decode(v)
}

// errorAnswer is how an error is sent in an acknowledgement.
type errorAnswer struct {
	Error string `json:"error"`
}

// settle ends a typed event without a result.
func (e *RawEvent) settle(err error) {
	if err != nil {
		e.refuse(err)
		return
	}
	_ = e.Ack(nil) // dropped if the socket has gone meanwhile
}

// settleWith ends a typed event with a result.
func settleWith[R any](e *RawEvent, result R, err error) {
	if err != nil {
		e.refuse(err)
		return
	}
	if e.takeAck() {
		e.socket.answer(e.name, e.id, []any{result})
	}
}

// refuse answers with an error, or reports it when nobody waits for an answer.
func (e *RawEvent) refuse(err error) {
	if e.takeAck() {
		e.socket.answer(e.name, e.id, []any{errorAnswer{err.Error()}})
		return
	}
	e.socket.report(e.name, err)
}
