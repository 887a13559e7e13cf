package stream

import (
	"errors"
	"math"
	"net/http"
	"time"
)

// Serve runs one stream; s is its own from then on. An error means that it did not
// open and that nothing was written: a refusal of the [Log], chat.ErrTooManyStreams
// beyond the [Limits], chat.ErrUnavailable while draining, or what went wrong.
//
// Where it can, it takes the connection over and returns nil at once, while the
// stream goes on; then nothing may be done with w. Elsewhere it returns nil after a
// final end, and panics with [http.ErrAbortHandler] after one that the client should
// survive, which closes the connection without HTTP's last chunk.
func (b *Broker) Serve(w http.ResponseWriter, r *http.Request, s *Start) error {
	t := b.hijackerOf(r)
	woken := make(awaited, 1)
	var d driver = woken
	if t != nil {
		d = b.nextLoop()
	}
	rd, reset, err := b.open(r.Context(), s, d)
	if err != nil {
		return err
	}
	setHeader(w.Header(), s.Framing)
	if t != nil {
		return b.serveFast(rd, reset, t, w, r)
	}
	if r.ProtoMajor == 1 {
		if err := b.servePortable(rd, reset, woken, w, r); !errors.Is(err, http.ErrNotSupported) {
			return err
		}
	}
	return b.answer(rd, reset, woken, w, r)
}

// servePortable takes the connection over and drives the reader by a goroutine that has
// nothing else to hold. It does nothing where that fails by [http.ErrNotSupported].
func (b *Broker) servePortable(rd *reader, reset string, woken awaited, w http.ResponseWriter, r *http.Request) error {
	chunked := r.ProtoMinor > 0
	head := responseHead(w.Header(), chunked)
	c, err := b.hijackPortable(w, chunked)
	if err != nil {
		if !errors.Is(err, http.ErrNotSupported) {
			b.dismiss(rd)
		}
		return err
	}
	rd.conn = c
	d := scratches.Get().(*scratch)
	defer scratches.Put(d)
	if why := rd.begin(d, head, reset); why != "" {
		c.close(why)
		b.ended(rd, why)
		return nil
	}
	go c.watch(woken)
	go func() {
		why := rd.follow(woken, nil)
		c.close(why)
		b.ended(rd, why)
	}()
	return nil
}

// answer drives the reader by the goroutine of its request.
func (b *Broker) answer(rd *reader, reset string, woken awaited, w http.ResponseWriter, r *http.Request) error {
	control := http.NewResponseController(innermost(w))
	// Or net/http would wait for the whole of a request's body first. It fails where
	// there is nothing to wait for.
	_ = control.EnableFullDuplex()
	if shared, ok := r.Context().Value(connKey{}).(acceptedConn); ok {
		shared.limitUnsent()
	}
	rd.conn = &response{r.Context(), w, control, b.opts.Patience}
	w.WriteHeader(http.StatusOK)
	d := scratches.Get().(*scratch)
	why := rd.begin(d, nil, reset)
	scratches.Put(d)
	if why == "" {
		why = rd.follow(woken, r.Context().Done())
	}
	b.ended(rd, why)
	if why.breaksOff() {
		panic(http.ErrAbortHandler)
	}
	return nil
}

// serveFast gives the connection, and the reader, to the event loop that drives it.
func (b *Broker) serveFast(rd *reader, reset string, t hijacker, w http.ResponseWriter, r *http.Request) error {
	chunked := r.ProtoMinor > 0
	head := responseHead(w.Header(), chunked)
	s, err := t.hijack(w, chunked)
	if err != nil {
		b.dismiss(rd)
		return err
	}
	rd.conn = s
	d := scratches.Get().(*scratch)
	defer scratches.Put(d)
	why := rd.begin(d, head, reset)
	wr := rd.driver.(*eventLoop)
	if why == "" && s.attach(wr, rd) != nil {
		why = reasonGone
	}
	if why != "" {
		s.close(why)
		b.ended(rd, why)
		return nil
	}
	wr.adopt(rd)
	return nil
}

// setHeader sets what is said of every stream. No proxy shall keep it back, store
// it or code it anew: nginx heeds X-Accel-Buffering, the others RFC 9111 section
// 5.2.2.
func setHeader(h http.Header, fr Framing) {
	h.Set("Content-Type", fr.mediaType())
	h.Set("Cache-Control", "no-store, no-transform")
	h.Set("X-Accel-Buffering", "no")
	h.Add("Vary", "Accept")
}

// ended notes the end of a stream and forgets its reader.
func (b *Broker) ended(rd *reader, why reason) {
	b.metrics.ends.WithLabelValues(string(why)).Inc()
	b.opts.Log.Info("stream ended", "request_id", rd.start.RequestID, "reason", string(why),
		"username", rd.start.Actor.Username, "seconds", math.Round(time.Since(rd.began).Seconds()), "events", rd.events)
	b.dismiss(rd)
}
