package stream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// simStream is one connection of a reader: the socket, and what its client made of it. On
// the portable path it is net/http's response, on the fast one the hijacked socket.
type simStream struct {
	world    *world
	instance *simInstance
	// broker and database are the instance's at the time.
	broker   *Broker
	tails    *simTails
	database *simDatabase
	start    Start
	// wanted is where the client asked to begin, known the head when it did.
	wanted string
	known  int64
	// lastOf says that its instance was ended.
	lastOf bool
	asked  time.Time
	notice time.Duration
	hangUp context.CancelFunc
	header http.Header

	mu sync.Mutex
	// opened is the head at opening, once the stream has begun. It changes where the log
	// has lost that part.
	reader *reader
	opened int64
	// applied is how far the instance's tail is known to have come before the stream was given
	// what the socket was given last.
	applied int64
	fast    bool
	chunks  bool
	headed  bool
	// wire is what was sent and is not parsed yet, body what of it was taken out of its
	// chunks. began is when what the socket was given last was first given to it.
	wire, body []byte
	began      time.Time
	seen       []seen
	// room is how many bytes the socket takes before it is full.
	room int
	// roomier is closed when the socket's state changes.
	roomier  chan struct{}
	deadline time.Time
	// stuck says that the socket was full when it was last written to.
	stuck, broken, left bool
	// wake has the event loop look at the stream; nil on the portable path.
	wake func()

	ended   bool
	endedAt time.Time
	err     error
	// why is why an event loop closed the connection.
	why     reason
	aborted bool
}

// seen is a block, and what was known when it arrived.
type seen struct {
	name, data     string
	hasData, retry bool
	id             int64 // -1 is none
	// strange is a line that no stream has.
	strange string
	// at is when it was there in full, began when the socket was first given it.
	at, began time.Time
	// head is the log's, opened the head at opening, applied how far the tail had come.
	head, opened, applied int64
}

func (b seen) String() string {
	return fmt.Sprintf("%q id %d %s%s at %v, the head being %d", b.name, b.id, b.data, b.strange, b.at.Format("05.000000"), b.head)
}

const plenty = 1 << 40

var errSimGone = errors.New("the client is gone")

func (s *simStream) Header() http.Header { return s.header }
func (s *simStream) WriteHeader(int)     {}
func (s *simStream) FlushError() error   { return nil }

func (s *simStream) SetWriteDeadline(at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deadline = at
	s.changed()
	return nil
}

// changed tells a write that waits. The mutex is held.
func (s *simStream) changed() {
	close(s.roomier)
	s.roomier = make(chan struct{})
}

// Write is a write of the portable path, which waits for room.
func (s *simStream) Write(b []byte) (int, error) {
	s.look()
	s.mu.Lock()
	defer s.mu.Unlock()
	for n := 0; ; {
		n += s.take(b[n:])
		switch {
		case s.left || s.broken:
			return n, errSimGone
		case n == len(b):
			return n, nil
		case !s.deadline.IsZero() && !time.Now().Before(s.deadline):
			s.broken = true
			return n, fmt.Errorf("write: %w", os.ErrDeadlineExceeded)
		}
		ch, until := s.roomier, s.deadline
		s.mu.Unlock()
		waitFor(ch, until)
		s.mu.Lock()
	}
}

// waitFor waits for a channel, until a time unless that is zero.
func waitFor(ch <-chan struct{}, until time.Time) {
	var late <-chan time.Time
	if !until.IsZero() {
		timer := time.NewTimer(time.Until(until))
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-ch:
	case <-late:
	}
}

// take lets the socket take of b what it has room for. The mutex is held.
func (s *simStream) take(b []byte) int {
	if !s.stuck {
		s.began = time.Now()
		s.applied = s.tails.before(s.began)
	}
	n := min(len(b), s.room)
	s.stuck = n < len(b)
	if s.left || s.broken {
		return 0
	}
	s.room -= n
	s.wire = append(s.wire, b[:n]...)
	s.parse()
	return n
}

// look finds out the head at which the stream opened.
func (s *simStream) look() {
	s.broker.mu.Lock()
	defer s.broker.mu.Unlock()
	if s.reader == nil {
		for rd := range s.broker.users[s.start.Actor.Username] {
			if rd.start == &s.start {
				s.reader = rd
			}
		}
	}
	s.opened = s.reader.opened
}

// simSocket is the stream on the fast path.
type simSocket struct{ *simStream }

func (s *simStream) hijack(_ http.ResponseWriter, chunked bool) (socket, error) {
	s.fast, s.chunks = true, chunked
	return simSocket{s}, nil
}

func (s simSocket) register(l *eventLoop, rd *reader) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wake = func() { l.wake(rd) }
	return nil
}

func (s simSocket) write(b []byte) (int, error) {
	s.look()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.left {
		return 0, errSimGone
	}
	return s.take(b), nil
}

func (s simSocket) chunked() bool { return s.chunks }

func (s simSocket) full() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stuck && s.room == 0
}

func (s simSocket) lags() bool { return s.full() }

func (s simSocket) gone() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.left
}

func (s simSocket) close(why reason) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.why = why
	s.over(why.breaksOff(), nil)
}

// over notes that the stream has ended. The mutex is held.
func (s *simStream) over(aborted bool, err error) {
	s.ended, s.endedAt, s.aborted, s.err = true, time.Now(), aborted, err
}

// serve runs the stream.
func (s *simStream) serve(r *http.Request) {
	var err error
	defer func() {
		p := recover()
		if e, _ := p.(error); p != nil && !errors.Is(e, http.ErrAbortHandler) {
			panic(p)
		}
		if !s.fast {
			s.mu.Lock()
			s.over(p != nil, err)
			s.mu.Unlock()
		}
	}()
	err = s.broker.Serve(s, r, &s.start)
}

// give sets how many bytes the socket takes before it is full.
func (s *simStream) give(room int) {
	s.mu.Lock()
	s.room = room
	s.changed()
	wake := s.wake
	s.mu.Unlock()
	if wake != nil {
		wake()
	}
}

// cut makes the client go; the last blocks that were sent it has not received.
func (s *simStream) cut(lost int) {
	s.mu.Lock()
	if s.ended {
		s.mu.Unlock()
		return
	}
	s.left = true
	s.seen = s.seen[:max(0, len(s.seen)-lost)]
	s.changed()
	wake := s.wake
	s.mu.Unlock()
	s.hangUp()
	if wake != nil {
		wake()
	}
}

// open says whether the stream goes on.
func (s *simStream) open() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.ended && !s.left
}

// held is the id that the client holds; empty while it has none.
func (s *simStream) held() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.seen) - 1; i >= 0; i-- {
		if s.seen[i].id >= 0 {
			return strconv.FormatInt(s.seen[i].id, 10)
		}
	}
	return ""
}

// parse takes what has come whole off the wire. The mutex is held.
func (s *simStream) parse() {
	if s.fast && !s.headed {
		_, body, found := bytes.Cut(s.wire, []byte("\r\n\r\n"))
		if !found {
			return
		}
		s.wire, s.headed = body, true
	}
	for s.chunks && s.unchunk() {
	}
	if !s.chunks {
		s.body, s.wire = append(s.body, s.wire...), s.wire[:0]
	}
	for {
		block, rest, found := bytes.Cut(s.body, []byte("\n\n"))
		if !found {
			return
		}
		s.body = rest
		s.see(string(block))
	}
}

// unchunk takes a whole chunk off the wire, if one is there.
func (s *simStream) unchunk() bool {
	size, rest, found := bytes.Cut(s.wire, []byte("\r\n"))
	n, err := strconv.ParseInt(string(size), 16, 32)
	if !found || err != nil || len(rest) < int(n)+2 {
		return false
	}
	s.body, s.wire = append(s.body, rest[:n]...), rest[n+2:]
	return true
}

// see takes a block.
func (s *simStream) see(block string) {
	b := seen{id: -1, at: time.Now(), began: s.began, head: s.world.log.head(), opened: s.opened, applied: s.applied}
	for line := range strings.SplitSeq(block, "\n") {
		field, value, _ := strings.Cut(line, ": ")
		switch field {
		case "event":
			b.name = value
		case "data":
			b.data, b.hasData = value, true
		case "id":
			b.id, _ = strconv.ParseInt(value, 10, 64)
		case "retry":
			b.retry = true
		default:
			b.strange = line
		}
	}
	s.seen = append(s.seen, b)
}
