package stream

import (
	"sync"
	"sync/atomic"
	"time"
)

// wakeUps is the driver of a reader that a goroutine waits for and writes to no
// connection. It has room for one token: there is something to look at.
type wakeUps chan struct{}

func (w wakeUps) wake(*reader)    { signal(w) }
func (w wakeUps) endBy(time.Time) {}

// goroutineDriver drives one reader by a goroutine, and bounds the writes in which
// that goroutine waits for room.
type goroutineDriver struct {
	woken    wakeUps
	patience time.Duration
	// setDeadline sets the connection's write deadline.
	setDeadline func(time.Time) error
	// cut closes the connection under one that several streams share; nil where it is
	// not shared.
	cut func()
	// ends is the time by which the stream has to end; nil while nothing ends it.
	ends atomic.Pointer[time.Time]

	// expires is when the reader's credential ends, as far as the goroutine knows, to
	// which it belongs.
	expires time.Time

	mu      sync.Mutex
	writing bool
}

func newGoroutineDriver(patience time.Duration) *goroutineDriver {
	return &goroutineDriver{woken: make(wakeUps, 1), patience: patience}
}

func (d *goroutineDriver) wake(rd *reader) { d.woken.wake(rd) }

// endBy has the write interrupted that waits for room at that time. Writes that begin
// later have [lastWord].
func (d *goroutineDriver) endBy(at time.Time) {
	if ends := d.ends.Load(); ends != nil && !at.Before(*ends) {
		return
	}
	d.ends.Store(&at)
	time.AfterFunc(time.Until(at), d.interrupt)
}

// lastWord is how long an ending stream's last frame may wait for room.
const lastWord = 500 * time.Millisecond

// interrupt ends a write that is under way. Over HTTP/2 that is itself a write to the
// connection, of a frame that resets the stream; a connection that does not take that
// either is cut.
func (d *goroutineDriver) interrupt() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.writing {
		return
	}
	_ = d.setDeadline(time.Unix(1, 0)) // fails on a connection that is gone
	if d.cut != nil {
		time.AfterFunc(lastWord, d.cutIfWriting)
	}
}

func (d *goroutineDriver) cutIfWriting() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.writing {
		d.cut()
	}
}

// write calls send, which writes to the connection, under its deadline. The deadline
// is lifted afterwards, because TLS writes by itself too, when the client wants new
// keys, and because HTTP/2 resets a stream at its deadline, also one on which nothing
// is being written.
func (d *goroutineDriver) write(send func() (int, error)) (int, error) {
	if err := d.beginWrite(time.Now()); err != nil {
		return 0, err
	}
	n, err := send()
	if err := d.endWrite(err); err != nil {
		return 0, err
	}
	return n, nil
}

func (d *goroutineDriver) beginWrite(now time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.writing = true
	return d.setDeadline(d.deadline(now))
}

func (d *goroutineDriver) endWrite(err error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.writing = false
	if err != nil {
		return err
	}
	return d.setDeadline(time.Time{})
}

// deadline is when a write that begins now has to be over.
func (d *goroutineDriver) deadline(now time.Time) time.Time {
	at := now.Add(d.patience)
	if ends := d.ends.Load(); ends != nil {
		at = earliest(at, latest(*ends, now.Add(lastWord)))
	}
	if !d.expires.IsZero() {
		at = earliest(at, latest(d.expires, now).Add(endingGrace))
	}
	return at
}

func latest(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}
