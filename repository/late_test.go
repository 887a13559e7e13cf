package repository

import (
	"bytes"
	"errors"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/chat"
	"parley/e2e/need"
)

// lateWire stands between a Repository and its PostgreSQL. Once, it cuts the connection
// under a batch that is one message, and brings the message to the server later: when
// the next transaction that has taken the head's lock is about to end.
type lateWire struct {
	url   string
	armed atomic.Bool
	late  chan struct{} // closed when the message has been answered
	done  <-chan struct{}
	// waits returns when the message waits for the lock.
	waits func()

	mu      sync.Mutex
	message []byte
	server  net.Conn
}

func newLateWire(t testing.TB, address string) *lateWire {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	server := u.Host
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u.Host = l.Addr().String()
	w := &lateWire{url: u.String(), late: make(chan struct{}), done: t.Context().Done()}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { w.carry(client, server) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		all.Wait()
	})
	return w
}

func (w *lateWire) carry(client net.Conn, address string) {
	defer client.Close()
	server, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer server.Close()
	var cut atomic.Bool
	go func() {
		defer client.Close()
		buf := make([]byte, 1<<16)
		for {
			n, err := server.Read(buf)
			if cut.Load() {
				close(w.late)
				return
			}
			if err != nil {
				return
			}
			if _, err := client.Write(buf[:n]); err != nil {
				return
			}
		}
	}()
	buf := make([]byte, 1<<16)
	for {
		n, err := client.Read(buf)
		if err != nil {
			return
		}
		text := buf[:n]
		ends := bytes.Contains(text, []byte("ROLLBACK")) || bytes.Contains(text, []byte("; COMMIT\x00"))
		if bytes.Contains(text, []byte(postgresBegin)) && ends && w.armed.Swap(false) {
			w.mu.Lock()
			w.message, w.server = bytes.Clone(text), server
			w.mu.Unlock()
			cut.Store(true)
			client.Close()
			select { // the server's side stays open
			case <-w.late:
			case <-w.done:
			}
			return
		}
		if ends {
			w.deliver()
		}
		if _, err := server.Write(text); err != nil {
			return
		}
	}
}

// deliver brings the message, with which the server can do nothing but wait.
func (w *lateWire) deliver() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.message != nil {
		_, _ = w.server.Write(w.message)
		w.message = nil
		w.waits()
	}
}

// The server may get a batch when it has been looked up already that it is not
// committed, and its posts have been stored by another attempt.
func TestABatchThatArrivesLateIsNotStoredASecondTime(t *testing.T) {
	t.Parallel()
	for range 5 {
		address := need.Postgres(t)
		w, beside := newLateWire(t, address), (&store{url: address}).open(t)
		w.waits = func() {
			for waiting, end := 0, time.Now().Add(patience); waiting != 1; time.Sleep(time.Millisecond) {
				if err := beside.pool.Get(&waiting, waitsForALock); err != nil || time.Now().After(end) {
					t.Errorf("%d wait for a lock, %v", waiting, err)
					return
				}
			}
		}
		told := make(map[string]int)
		r := (&store{url: w.url}).open(t, func(o *Options) {
			o.Committed = func(evs []chat.Event) {
				for _, ev := range evs {
					if ev.Message != nil {
						told[ev.Message.Text]++
					}
				}
			}
		})
		ann := signUp(t, r, "ann")["ann"]
		makeChat(t, r, ann, "room", chat.Private, nil)
		for range 3 {
			say(t, r, ann, "room", "what everybody may do is remembered")
		}
		w.armed.Store(true)
		say(t, r, ann, "room", "once")
		if n := told["once"]; n != 1 {
			t.Errorf("it is told of %d times", n)
		}
		select {
		case <-w.late:
		case <-time.After(patience):
			t.Fatal("the late message is not answered")
		}
		if n := number(t, r, `SELECT count(*) FROM messages WHERE text = 'once'`); n != 1 {
			t.Errorf("it is stored %d times", n)
		}
		wantWholeLog(t, r)
	}
}

// While it is not known how a commit ended, there may be no database at all.
func TestWhoComesWhileACommitIsLookedUpIsRefusedAtOnceWithoutADatabase(t *testing.T) {
	t.Parallel()
	cluster := need.NewCluster(t)
	r := (&store{url: cluster.Database(t)}).open(t)
	ann := signUp(t, r, "ann")["ann"]
	makeChat(t, r, ann, "room", chat.Private, nil)
	for range 3 {
		say(t, r, ann, "room", "what everybody may do is remembered")
	}
	cluster.Stop(t)
	_, err := r.Post(t.Context(), ann, chat.Post{Chat: "room", Text: "hello?"})
	wantRefusal(t, err, chat.ErrUnavailable)
	began := time.Now()
	for range 10 {
		_, err := r.Post(t.Context(), ann, chat.Post{Chat: "room", Text: "hello?"})
		wantRefusal(t, err, chat.ErrUnavailable)
	}
	if took := time.Since(began); took > writeTimeout+time.Second {
		t.Errorf("ten were refused after %v", took)
	}
	cluster.Start(t)
	eventually(t, "a post", func() bool {
		_, err := r.Post(t.Context(), ann, chat.Post{Chat: "room", Text: "hello"})
		return !errors.Is(err, chat.ErrUnavailable)
	})
	wantWholeLog(t, r)
}
