package stream

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"sync"
	"time"

	"parley/chat"
)

// Serve runs one stream of server-sent events. An error means that it did not
// open and that nothing was written: a refusal of the [Log], chat.ErrUnavailable
// while draining, or what went wrong. Otherwise Serve returns nil after a final
// end, and panics with [http.ErrAbortHandler] after one that the client should
// survive, which closes the connection without HTTP's last chunk.
func (b *Broker) Serve(w http.ResponseWriter, r *http.Request, s Start) error {
	rd, reset, err := b.open(r.Context(), s)
	if err != nil {
		return err
	}
	defer b.dismiss(rd)
	run := newRun(rd, conn{w: w, control: http.NewResponseController(w)})
	why := run.stream(r.Context(), reset)
	run.reading.Wait()
	b.metrics.ends.WithLabelValues(string(why)).Inc()
	b.opts.Log.Info("stream ended", "request_id", s.RequestID, "reason", string(why),
		"username", s.Actor.Username, "seconds", math.Round(time.Since(run.began).Seconds()), "events", run.events)
	if why.breaksOff() {
		panic(http.ErrAbortHandler)
	}
	return nil
}

// run is a stream on the portable path: a goroutine that advances one reader and
// writes to one connection.
type run struct {
	reader *reader
	conn   conn
	access access
	began  time.Time

	ping, rotate time.Time
	// timeout is zero where the client named none.
	timeout time.Time

	// reading is the goroutine that reads a page of the log, if there is one: the
	// stream's clock and its ends do not wait for a store that is slow, nor for the
	// crowd before it. pages has room for what it found, fetched holds it.
	reading sync.WaitGroup
	pages   chan page
	busy    bool
	fetched *page
	// retry is when the log is read again after it could not be; zero while it can.
	retry time.Time

	// held is the id that the client holds.
	held int64
	// ready says that the frame of that name was written.
	ready bool
	// events counts the durable events written.
	events int64
	out    []byte
}

func newRun(rd *reader, c conn) *run {
	now := time.Now()
	o := rd.broker.opts
	r := &run{reader: rd, conn: c, began: now, access: newAccess(rd.start.Actor, now), pages: make(chan page, 1),
		ping: now.Add(jitter(o.Ping)), rotate: now.Add(jitter(o.Rotate))}
	if rd.start.Timeout > 0 {
		r.timeout = now.Add(rd.start.Timeout)
	}
	return r
}

// stream runs until something ends it.
func (r *run) stream(ctx context.Context, reset string) reason {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	why := r.begin(reset)
	for why == "" {
		var more bool
		if more, why = r.advance(ctx); why != "" {
			break
		}
		if why = r.due(ctx); why == "" {
			r.wait(ctx, more)
		}
	}
	if why.saysBye() {
		r.event("bye", struct {
			Reason reason `json:"reason"`
		}{why})
		r.flush()
	}
	return why
}

// begin writes what every stream begins with, so that the client knows at once
// that it is open and from where.
func (r *run) begin(reset string) reason {
	r.conn.begin()
	// Spread, so that those who were cut together do not come back together.
	r.out = appendRetry(r.out, 1000+rand.Int64N(1000))
	if reset == "" {
		r.out = appendPrime(r.out, r.reader.cursor)
	} else {
		r.out = appendBlock(r.out, "reset", encode(struct {
			Reason string `json:"reason"`
			Cursor int64  `json:"cursor"`
		}{reset, r.reader.cursor}), r.reader.cursor)
	}
	r.held = r.reader.cursor
	return r.flush()
}

// due does what the clock asks for.
func (r *run) due(ctx context.Context) reason {
	select {
	case <-ctx.Done():
		return reasonGone
	case <-r.reader.broker.draining:
		return reasonShutdown
	default:
	}
	now := time.Now()
	endDue, end := r.reader.due()
	switch {
	case !endDue.IsZero() && !now.Before(endDue):
		return end
	case !r.timeout.IsZero() && !now.Before(r.timeout):
		return reasonTimeout
	case !now.Before(r.rotate):
		return reasonRotate
	}
	if why := r.renew(now); why != "" {
		return why
	}
	if !now.Before(r.ping) {
		r.ping = now.Add(jitter(r.reader.broker.opts.Ping))
		if r.reader.cursor != r.held {
			r.out = appendPrime(r.out, r.reader.cursor)
			r.held = r.reader.cursor
		}
		r.event("ping", struct {
			Now  chat.Time `json:"now"`
			Head int64     `json:"head"`
		}{chat.NewTime(now), r.head()})
		return r.flush()
	}
	return ""
}

// renew keeps the stream's credential: it asks whether the session was renewed
// before it says `auth`, and again before it ends.
func (r *run) renew(now time.Time) reason {
	tell, why := r.access.check(now)
	if tell {
		r.event("auth", struct {
			ExpiresIn int64 `json:"expires_in"`
		}{int64(math.Ceil(r.access.expires.Sub(now).Seconds()))})
		return r.flush()
	}
	return why
}

// advance writes what follows the cursor, and says whether there is more.
func (r *run) advance(ctx context.Context) (more bool, why reason) {
	t, ok := r.take(ctx)
	if !ok {
		return false, ""
	}
	before := r.events
	for _, f := range t.frames {
		r.out = append(r.out, r.reader.bytes(f)...)
		r.held = f.pos
		r.events++
		if r.events == r.reader.start.Limit {
			t.end = reasonLimit
			break
		}
		if len(r.out) > maxTake {
			if why := r.flush(); why != "" {
				return false, why
			}
		}
	}
	if !r.ready && t.end == "" && r.reader.cursor >= r.reader.opened {
		r.ready = true
		r.event("ready", struct {
			Head int64 `json:"head"`
		}{r.head()})
	}
	if why := r.flush(); why != "" {
		return false, why
	}
	r.reader.broker.metrics.deliveries.Add(float64(r.events - before))
	return t.more, t.end
}

// take is what follows the cursor, from memory or from the log; not ok while the
// log has yet to answer.
func (r *run) take(ctx context.Context) (_ taken, ok bool) {
	if r.fetched != nil {
		p := *r.fetched
		r.fetched = nil
		if p.err == nil {
			return r.reader.turn(p), true
		}
		// The log cannot be read: the stream stays open and catches up later.
		r.retry = time.Now().Add(jitter(time.Second))
	}
	if r.busy || time.Now().Before(r.retry) {
		return taken{}, false
	}
	r.retry = time.Time{}
	t := r.reader.take()
	if !t.behind {
		return t, true
	}
	r.busy = true
	r.reading.Go(func() { r.pages <- r.reader.readLog(ctx, t.upTo) })
	return taken{}, false
}

// wait sleeps until there may be something to do; not at all if there is more,
// but even then its questions are asked and answered.
func (r *run) wait(ctx context.Context, more bool) {
	timer := time.NewTimer(time.Until(r.next()))
	defer timer.Stop()
	var now <-chan struct{}
	if more {
		now = always
	}
	select {
	case <-now:
	case <-r.reader.woken:
	case <-timer.C:
	case <-ctx.Done():
	case <-r.reader.broker.draining:
	case r.access.asks(r.reader.broker.renewals) <- r.access.question():
		r.access.asked()
	case p := <-r.pages:
		r.fetched, r.busy = &p, false
	case a := <-r.access.answer:
		r.access.answered(a)
	}
}

// always is ready at any time.
var always = func() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// next is when the clock next asks for something.
func (r *run) next() time.Time {
	next := r.ping
	endDue, _ := r.reader.due()
	for _, t := range [...]time.Time{r.rotate, r.timeout, r.retry, r.access.next, endDue} {
		if !t.IsZero() && t.Before(next) {
			next = t
		}
	}
	return next
}

// head is the service's head as far as this instance knows it.
func (r *run) head() int64 { return max(r.reader.opened, r.reader.broker.position()) }

// event appends a frame that has no place in the log.
func (r *run) event(name string, data any) {
	r.out = appendBlock(r.out, name, encode(data), -1)
}

// flush writes what was appended.
func (r *run) flush() reason {
	if len(r.out) == 0 {
		return ""
	}
	err := r.conn.write(r.out)
	r.out = r.out[:0]
	switch {
	case err == nil:
		return ""
	case errors.Is(err, os.ErrDeadlineExceeded):
		return reasonSlow
	default:
		return reasonGone
	}
}
