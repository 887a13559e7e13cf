package commitlog

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"
)

// memory is a database that keeps nothing but its head.
type memory struct {
	mu   sync.Mutex
	head Head
	// wait is called before a transaction has the head's lock; it may be nil.
	wait func()
}

// memoryConn implements Conn.
type memoryConn struct{ *memory }

func (c memoryConn) Begin(context.Context) (Head, error) {
	if c.wait != nil {
		c.wait()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.head, nil
}

func (c memoryConn) Raise(_ context.Context, tx *Tx) (Outcome, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.head = tx.Raised()
	return Committed, nil
}

func (memoryConn) LastBatch(context.Context, string) (int64, error) { return 0, nil }
func (memoryConn) Current() bool                                    { return true }
func (memoryConn) Rollback(context.Context) error                   { return nil }
func (memoryConn) Outcome(error) Outcome                            { return Refused }
func (memoryConn) Close()                                           {}

// work is one function of a test's.
type work func() error

// inTurn runs one work after another.
type inTurn struct{ ran func(claimed int) }

func (inTurn) Begin(ctx context.Context, c memoryConn, tx *Tx, _ []work) error {
	at, err := c.Begin(ctx)
	tx.Follow(at)
	return err
}

func (inTurn) Joins(work) bool { return true }

func (s inTurn) Run(ctx context.Context, c memoryConn, tx *Tx, batch *Batch[work]) (Outcome, error) {
	n := 0
	for req, ok := batch.Next(); ok; req, ok = batch.Next() {
		n++
		if err := req.Work(); err != nil {
			return Refused, err
		}
		tx.Pos++
	}
	if n == 0 {
		return Unchanged, nil
	}
	if s.ran != nil {
		s.ran(n)
	}
	return c.Raise(ctx, tx)
}

func (inTurn) Committed(*Tx, []*Request[work]) {}
func (inTurn) Failed()                         {}

// startLog starts a log of so many lanes, which tell what each transaction held.
func startLog(t *testing.T, lanes int, ran func(lane, claimed int)) (ls []*Lane[memoryConn, work]) {
	t.Helper()
	return startLogOn(t, new(memory), lanes, ran)
}

func startLogOn(t *testing.T, db *memory, lanes int, ran func(lane, claimed int)) (ls []*Lane[memoryConn, work]) {
	t.Helper()
	options := make([]LaneOptions[work], lanes)
	return startLogWith(t, db, options, ran)
}

// startLogWith starts a log that has a lane with each of the options.
func startLogWith(t *testing.T, db *memory, options []LaneOptions[work], ran func(lane, claimed int)) (ls []*Lane[memoryConn, work]) {
	t.Helper()
	log := New(Options[memoryConn]{
		Writer:  "one",
		Connect: func(context.Context) (memoryConn, error) { return memoryConn{db}, nil },
		Raised:  func(int64) {},
		Metrics: NewMetrics(),
		Log:     slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	for i, o := range options {
		o.Limits = Limits[work]{Requests: 8}
		steps := inTurn{func(claimed int) {
			if ran != nil {
				ran(i, claimed)
			}
		}}
		ls = append(ls, AddLane(log, steps, o))
	}
	if err := log.Start(t.Context(), func(context.Context, memoryConn) error { return nil }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(log.Close)
	return ls
}

// occupy keeps the log inside a transaction of a lane until release is called.
func occupy(t *testing.T, l *Lane[memoryConn, work]) (release func()) {
	t.Helper()
	held, goOn, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		done <- l.Do(context.Background(), func() error {
			close(held)
			<-goOn
			return nil
		})
	}()
	<-held
	return func() {
		close(goOn)
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// enqueue lets n requests wait in a lane.
func enqueue(t *testing.T, l *Lane[memoryConn, work], n int, do work, all *sync.WaitGroup) {
	t.Helper()
	for i := range n {
		all.Go(func() {
			if err := l.Do(context.Background(), do); err != nil {
				t.Error(err)
			}
		})
		for end := time.Now().Add(10 * time.Second); l.Waiting() <= i; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("nothing is queued")
			}
		}
	}
}

func TestLanesThatWaitTakeTurns(t *testing.T) {
	t.Parallel()
	var order []int // written by the log's goroutine alone
	ls := startLog(t, 2, func(lane, _ int) { order = append(order, lane) })
	release := occupy(t, ls[0])
	var all sync.WaitGroup
	for _, l := range ls {
		enqueue(t, l, 32, func() error { return nil }, &all)
	}
	release()
	all.Wait()
	// The first is the one that kept the log; then each has four batches of eight.
	if want := []int{0, 1, 0, 1, 0, 1, 0, 1, 0}; !slices.Equal(order, want) {
		t.Errorf("the lanes came in the order %v, want %v", order, want)
	}
}

func TestALockIsNotHeldForRequestsThatDoNotFit(t *testing.T) {
	t.Parallel()
	var batches []int // written by the log's goroutine alone
	ls := startLog(t, 1, func(_, claimed int) { batches = append(batches, claimed) })
	release := occupy(t, ls[0])
	var all sync.WaitGroup
	enqueue(t, ls[0], 6, func() error {
		time.Sleep(lockBudget)
		return nil
	}, &all)
	release()
	all.Wait()
	if want := slices.Repeat([]int{1}, 7); !slices.Equal(batches, want) {
		t.Errorf("the transactions held %v requests, want %v", batches, want)
	}
}

func TestABatchTakesWhatIsQueuedWhileItWaitsForTheLock(t *testing.T) {
	t.Parallel()
	waits, goOn := make(chan struct{}, 2), make(chan struct{})
	db := &memory{wait: func() {
		waits <- struct{}{}
		<-goOn
	}}
	var batches []int // written by the log's goroutine alone
	ls := startLogOn(t, db, 1, func(_, claimed int) { batches = append(batches, claimed) })
	var all sync.WaitGroup
	all.Go(func() {
		if err := ls[0].Do(context.Background(), func() error { return nil }); err != nil {
			t.Error(err)
		}
	})
	<-waits
	enqueue(t, ls[0], 9, func() error { return nil }, &all)
	close(goOn)
	all.Wait()
	if want := []int{8, 2}; !slices.Equal(batches, want) { // eight are a lane's limit
		t.Errorf("the transactions held %v requests, want %v", batches, want)
	}
}

func TestARefusedBatchIsTriedOneByOne(t *testing.T) {
	t.Parallel()
	ls := startLog(t, 1, nil)
	release := occupy(t, ls[0])
	bad := errors.New("bad")
	ran := make([]int, 3) // written by the log's goroutine alone
	errs := make([]error, len(ran))
	var all sync.WaitGroup
	for i := range ran {
		before := ls[0].Waiting()
		all.Go(func() {
			errs[i] = ls[0].Do(context.Background(), func() error {
				if ran[i]++; i == 1 {
					return bad
				}
				return nil
			})
		})
		for ls[0].Waiting() == before {
			time.Sleep(time.Millisecond)
		}
	}
	release()
	all.Wait()
	if errs[0] != nil || !errors.Is(errs[1], bad) || errs[2] != nil {
		t.Errorf("answered %v", errs)
	}
}

// Whatever the timing, a request that is given up has not run, and one that has run is
// answered.
func TestWhatIsGivenUpIsNeverRun(t *testing.T) {
	t.Parallel()
	ls := startLog(t, 2, nil)
	var all sync.WaitGroup
	for client := range 16 {
		all.Go(func() {
			for i := range 200 {
				ctx, cancel := context.WithCancel(context.Background())
				var ran bool
				stop := time.AfterFunc(time.Duration(i%20)*10*time.Microsecond, cancel)
				err := ls[client%2].Do(ctx, func() error {
					ran = true
					return nil
				})
				stop.Stop()
				cancel()
				// Without a claim that decides, this is also a race.
				if ran != (err == nil) {
					t.Errorf("ran: %v, answered %v", ran, err)
				}
			}
		})
	}
	all.Wait()
}

func TestARequestThatWaitsTooLongIsRefusedAndNotRun(t *testing.T) {
	t.Parallel()
	ls := startLog(t, 1, nil)
	release := occupy(t, ls[0])
	ran := false
	began := time.Now()
	err := ls[0].Do(context.Background(), func() error {
		ran = true
		return nil
	})
	if took := time.Since(began); !errors.Is(err, ErrUnavailable) || took < WaitFor || took > AnswerWithin {
		t.Errorf("%v after %v", err, took)
	}
	release()
	if err := ls[0].Do(context.Background(), func() error { return nil }); err != nil || ran {
		t.Errorf("%v; what was given up ran: %v", err, ran)
	}
}
