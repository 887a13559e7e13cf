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
// Where it can, it hijacks the connection and returns nil at once, while the
// stream goes on; then nothing may be done with w. Elsewhere it returns nil after a
// final end, and panics with [http.ErrAbortHandler] after one that the client should
// survive, which closes the connection without HTTP's last chunk.
func (b *Broker) Serve(w http.ResponseWriter, r *http.Request, s *Start) error {
	hj := b.hijackerOf(r)
	if hj != nil {
		l := b.nextLoop()
		st, err := b.openStream(r, s, l)
		if err != nil {
			return err
		}
		defer st.release()
		return st.serveOnLoop(l, hj, w, r)
	}
	d := newGoroutineDriver(b.opts.Patience)
	st, err := b.openStream(r, s, d)
	if err != nil {
		return err
	}
	defer st.release()
	if r.ProtoMajor == 1 {
		if err := st.serveHijacked(d, w, r); !errors.Is(err, http.ErrNotSupported) {
			return err
		}
	}
	return st.serveInHandler(d, w, r)
}

// openedStream is a stream between its opening and the moment when something drives
// it. Until then its reader and its connection belong to the goroutine that opened it,
// which releases them at whatever point it fails or panics.
type openedStream struct {
	broker *Broker
	// reader is nil once something drives it.
	reader *reader
	// reset says why the client's place is gone; empty if it is not.
	reset string
	// why is the reason of the end if nothing comes to drive the stream.
	why reason
}

func (b *Broker) openStream(r *http.Request, s *Start, d driver) (*openedStream, error) {
	rd, reset, err := b.open(r.Context(), s, d)
	if err != nil {
		return nil, err
	}
	b.appear(rd)
	return &openedStream{broker: b, reader: rd, reset: reset, why: reasonFailed}, nil
}

// begin writes how the stream begins to its connection. It returns why the stream ends
// if that fails.
func (st *openedStream) begin(c conn, head []byte) reason {
	st.reader.conn = c
	sc := scratches.Get().(*scratch)
	defer scratches.Put(sc)
	return st.reader.begin(sc, head, st.reset)
}

// handOver returns the reader, which then belongs to what drives it.
func (st *openedStream) handOver() *reader {
	rd := st.reader
	st.reader = nil
	return rd
}

// release ends the stream unless it was handed over.
func (st *openedStream) release() {
	rd := st.reader
	switch {
	case rd == nil:
	case rd.conn == nil:
		st.broker.dismiss(rd)
	default:
		st.broker.end(rd, st.why)
	}
}

// serveOnLoop hijacks the connection and gives it to an event loop.
func (st *openedStream) serveOnLoop(l *eventLoop, hj hijacker, w http.ResponseWriter, r *http.Request) error {
	SetHeader(w.Header(), st.reader.start.Framing.mediaType())
	chunked := r.ProtoMinor > 0
	head := responseHead(w.Header(), chunked)
	s, err := hj.hijack(w, chunked)
	if err != nil {
		return err
	}
	st.broker.hijacked.Add(1)
	why := st.begin(s, head)
	if why == "" && s.register(l, st.reader) != nil {
		why = reasonGone
	}
	if why != "" {
		st.why = why
		return nil
	}
	l.add(st.handOver())
	return nil
}

// serveHijacked hijacks the connection and drives the reader by a goroutine that has
// nothing else to hold. It does nothing where that fails by [http.ErrNotSupported].
func (st *openedStream) serveHijacked(d *goroutineDriver, w http.ResponseWriter, r *http.Request) error {
	SetHeader(w.Header(), st.reader.start.Framing.mediaType())
	chunked := r.ProtoMinor > 0
	head := responseHead(w.Header(), chunked)
	c, err := hijackPortable(w, chunked, d)
	if err != nil {
		return err
	}
	st.broker.hijacked.Add(1)
	if why := st.begin(c, head); why != "" {
		st.why = why
		return nil
	}
	b, rd := st.broker, st.handOver()
	go c.watch()
	go func() { b.end(rd, d.follow(rd, nil)) }()
	return nil
}

// serveInHandler drives the reader by the goroutine of its request.
func (st *openedStream) serveInHandler(d *goroutineDriver, w http.ResponseWriter, r *http.Request) error {
	SetHeader(w.Header(), st.reader.start.Framing.mediaType())
	c := newResponse(w, r, d)
	w.WriteHeader(http.StatusOK)
	why := st.begin(c, nil)
	if why == "" {
		why = d.follow(st.reader, r.Context().Done())
	}
	st.why = why
	if why.breaksOff() {
		panic(http.ErrAbortHandler)
	}
	return nil
}

// SetHeader sets what is said of every answer with a stream, or a part of one, in
// it. No proxy shall keep it back, store it or code it anew: nginx heeds
// X-Accel-Buffering, the others RFC 9111 section 5.2.2.
func SetHeader(h http.Header, mediaType string) {
	h.Set("Content-Type", mediaType)
	h.Set("Cache-Control", "no-store, no-transform")
	h.Set("X-Accel-Buffering", "no")
	h.Add("Vary", "Accept")
}

// end closes a reader's connection, notes the end of its stream and forgets the
// reader.
func (b *Broker) end(rd *reader, why reason) {
	defer b.dismiss(rd)
	rd.conn.close(why)
	if _, shared := rd.conn.(*response); !shared {
		b.hijacked.Add(-1)
	}
	b.metrics.ends.WithLabelValues(string(why)).Inc()
	b.opts.Log.Info("stream ended", "request_id", rd.start.RequestID, "reason", string(why),
		"username", rd.start.Actor.Username, "seconds", math.Round(time.Since(rd.began).Seconds()), "events", rd.events)
}
