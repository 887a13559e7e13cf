package commitlog

import (
	"context"
	"log/slog"
	"time"
)

// Options says what a log stands on.
type Options[C Conn] struct {
	// Writer is by which the database knows this log's batches; no other has the same.
	Writer string
	// Connect opens the connection that the log writes on.
	Connect func(ctx context.Context) (C, error)
	// Raised is told of the head behind each commit. It must not block.
	Raised  func(pos int64)
	Metrics *Metrics
	Log     *slog.Logger
}

// Log commits the requests of its lanes, in one transaction at a time. While one is in
// flight the next batch gathers in the queues: there is no timer.
type Log[C Conn] struct {
	Options[C]
	lanes []lane

	// lead holds a token while no goroutine leads.
	lead chan struct{}
	// These belong to the goroutine that leads.
	conn      C
	connected bool
	batch     int64 // counts attempts to commit
	last      Head  // this log's own last commit

	wake    chan struct{} // holds one token while there may be something for the loop
	closing chan struct{} // closed by Close
	stopped chan struct{} // closed when the loop has returned
}

// lane is a Lane of any kind of request, as the log sees it.
type lane interface {
	// write writes the next batch, or brings the attempt that was left to its end, and says
	// whether there was one.
	write() bool
	refuseWaiting(err error)
	// connected says that there is another connection to write on.
	connected()
	close()
}

// New makes a log that is to be given lanes and started.
func New[C Conn](o Options[C]) *Log[C] {
	return &Log[C]{
		Options: o,
		lead:    make(chan struct{}, 1),
		wake:    make(chan struct{}, 1),
		closing: make(chan struct{}),
		stopped: make(chan struct{}),
	}
}

// Start connects, so that a database that will not do is found at once, lets first use
// the connection, and begins to write.
func (l *Log[C]) Start(ctx context.Context, first func(ctx context.Context, conn C) error) error {
	err := l.connect(ctx)
	if err == nil {
		err = first(ctx, l.conn)
	}
	if err != nil {
		l.disconnect()
		return err
	}
	l.lead <- struct{}{}
	go l.run()
	return nil
}

// Close writes what waits, and ends. It may be called once more after it has returned.
func (l *Log[C]) Close() {
	for _, lane := range l.lanes {
		lane.close()
	}
	select {
	case <-l.closing:
	default:
		close(l.closing)
	}
	<-l.stopped
}

// run is the log's own goroutine. It returns when the log is closed and the queues are
// empty, and keeps the lead.
func (l *Log[C]) run() {
	defer close(l.stopped)
	for closing := false; !closing; {
		select {
		case <-l.wake:
		case <-l.closing:
			closing = true
		}
		<-l.lead
		for l.writeRound() {
		}
		if closing {
			l.disconnect()
			return
		}
		l.lead <- struct{}{}
	}
}

// writeRound lets each lane write one batch, and says whether one had any.
func (l *Log[C]) writeRound() (wrote bool) {
	for _, lane := range l.lanes {
		if lane.write() {
			wrote = true
		}
	}
	return wrote
}

// rouse makes the log's goroutine look what there is.
func (l *Log[C]) rouse() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// begin numbers a transaction.
func (l *Log[C]) begin() *Tx {
	l.batch++
	return &Tx{Began: time.Now(), Writer: l.Writer, Batch: l.batch, last: l.last}
}

// committed notes a transaction that is on the disk.
func (l *Log[C]) committed(tx *Tx) {
	l.last = tx.Raised()
	l.Raised(tx.Pos)
}

// ready says that there is a connection to write on.
func (l *Log[C]) ready() bool { return l.connected && l.conn.Current() }

// connect opens a connection where there is none to write on.
func (l *Log[C]) connect(ctx context.Context) error {
	if l.ready() {
		return nil
	}
	l.disconnect()
	conn, err := l.Connect(ctx)
	if err != nil {
		return err
	}
	l.conn, l.connected = conn, true
	for _, lane := range l.lanes {
		lane.connected()
	}
	l.Metrics.Up.Set(1)
	return nil
}

func (l *Log[C]) disconnect() {
	if l.connected {
		l.conn.Close()
		l.connected = false
	}
}
