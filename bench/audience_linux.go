package main

import (
	"bytes"
	"fmt"
	"net/netip"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// openWithin bounds how long it may take to open all streams.
const openWithin = 90 * time.Second

// eventLoop drives all readers of the audience on one thread.
type eventLoop struct {
	delivered *delivered
	epoll     int
	readers   []*reader
	// bySocket finds a reader by its descriptor.
	bySocket map[int32]*reader
	buffer   []byte
	counted  counted

	nap     time.Duration
	opening *opening
	servers []*unix.SockaddrInet4
	// next is the reader that is opened next, and busy how many are being opened.
	next, busy int
	// again are those that were refused and ask again, in the order of when.
	again    []*reader
	deadline time.Time
}

// reader is a reader with its socket.
type reader struct {
	verifier
	server *unix.SockaddrInet4
	socket int
	at     stage
	// head is what was answered before the stream was open.
	head    []byte
	replied bool
	// after is when a reader that was refused asks again.
	after   time.Time
	stalled bool
}

// stage is how far a reader has come.
type stage int

const (
	closed stage = iota
	connecting
	asked
	open
)

// runEventLoop does what it is ordered until there are no more orders, and answers each.
func runEventLoop(orders <-chan order, delivered *delivered, answer func(counted) error) error {
	runtime.LockOSThread()
	a := &eventLoop{delivered: delivered, bySocket: make(map[int32]*reader), buffer: make([]byte, 1<<20)}
	a.counted.Latencies = make(latencies, buckets)
	var err error
	if a.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return err
	}
	events := make([]unix.EpollEvent, 1024)
	for {
		n, err := unix.EpollWait(a.epoll, events, 2)
		if err != nil && err != unix.EINTR {
			return err
		}
		for i := range max(n, 0) {
			a.event(events[i])
		}
		if n > 0 && n < len(events) && a.opening == nil {
			time.Sleep(a.nap)
		}
		if a.opening != nil && (a.allOpen() || a.counted.Error != "") {
			a.opening = nil
			if err := a.answer(answer); err != nil {
				return err
			}
		}
		select {
		case o, more := <-orders:
			if !more {
				return nil
			}
			a.obey(o)
			if a.opening == nil {
				if err := a.answer(answer); err != nil {
					return err
				}
			}
		default:
		}
	}
}

// answer answers an order.
func (a *eventLoop) answer(answer func(counted) error) error {
	var use unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &use); err != nil {
		return err
	}
	a.counted.CPU = time.Duration(use.Utime.Nano() + use.Stime.Nano())
	return answer(a.counted)
}

func (a *eventLoop) obey(o order) {
	a.counted.Error = ""
	switch {
	case o.Open != nil:
		a.begin(o.Open)
	case o.Cut:
		for _, s := range a.readers {
			a.hangUp(s)
		}
	}
	if o.Posted != nil {
		for _, s := range a.readers {
			if !s.stalled {
				a.counted.Lost += s.missing(o.Posted[s.chat])
			}
		}
	}
}

// begin begins to open streams.
func (a *eventLoop) begin(o *opening) {
	a.servers, a.again = nil, nil
	for _, text := range o.Addresses {
		address, err := netip.ParseAddrPort(text)
		if err != nil {
			a.counted.Error = err.Error()
			return
		}
		a.servers = append(a.servers, &unix.SockaddrInet4{Port: int(address.Port()), Addr: address.Addr().As4()})
	}
	a.opening, a.nap, a.next, a.deadline = o, o.Nap, 0, time.Now().Add(openWithin)
	for i := len(a.readers); i < o.Readers; i++ {
		s := &reader{verifier: verifier{chat: i % o.Chats, group: i / o.Chats, last: make([]uint32, o.Lanes)}}
		s.stalled = i >= o.Readers-o.Stalled
		s.server = a.servers[i%len(a.servers)]
		a.readers = append(a.readers, s)
	}
	a.openMore()
}

// openMore opens streams as long as there may be more that are opening.
func (a *eventLoop) openMore() {
	for ; a.next < len(a.readers) && a.busy < a.opening.AtOnce; a.next++ {
		if s := a.readers[a.next]; s.at == closed {
			if err := a.connect(s); err != nil {
				a.fail("connecting", err)
				return
			}
		}
	}
}

// allOpen lets readers that were refused ask again, and says whether all streams are
// open. It fails the order if that takes too long.
func (a *eventLoop) allOpen() bool {
	now := time.Now()
	for len(a.again) > 0 && !now.Before(a.again[0].after) && a.busy < a.opening.AtOnce {
		if err := a.connect(a.again[0]); err != nil {
			a.fail("connecting", err)
			return false
		}
		a.again = a.again[1:]
	}
	if a.busy == 0 && a.next == len(a.readers) && len(a.again) == 0 {
		return true
	}
	if now.After(a.deadline) {
		a.fail("opening", fmt.Errorf("%d streams of %d are open after %s; one was answered %q",
			a.counted.Opened, len(a.readers), openWithin, a.answered()))
	}
	return false
}

// answered is the answer of a reader whose stream is not open.
func (a *eventLoop) answered() []byte {
	for _, s := range a.readers {
		if s.at == asked && len(s.head) > 0 {
			return s.head
		}
	}
	return nil
}

func (a *eventLoop) fail(what string, err error) {
	if a.counted.Error == "" {
		a.counted.Error = what + ": " + err.Error()
	}
}

// stalledBuffer is the receive buffer of a reader that stops reading, so that what
// is posted soon fills the server's side.
const stalledBuffer = 4 << 10

func (a *eventLoop) connect(s *reader) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if s.stalled {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, stalledBuffer); err != nil {
			return err
		}
	}
	if err := unix.Connect(fd, s.server); err != nil && err != unix.EINPROGRESS {
		return err
	}
	s.socket, s.at, s.head, s.replied = fd, connecting, nil, false
	s.size, s.form = 0, nil
	if a.opening.SSE && s.group < groups {
		s.form = &form{}
	}
	a.bySocket[int32(fd)] = s
	a.busy++
	return unix.EpollCtl(a.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLOUT, Fd: int32(fd)})
}

func (a *eventLoop) event(e unix.EpollEvent) {
	s := a.bySocket[e.Fd]
	switch {
	case s == nil:
	case s.at == connecting:
		a.ask(s)
	default:
		a.read(s)
	}
}

// ask asks for the stream on a socket that is connected.
func (a *eventLoop) ask(s *reader) {
	code, err := unix.GetsockoptInt(s.socket, unix.SOL_SOCKET, unix.SO_ERROR)
	if err == nil && code != 0 {
		err = unix.Errno(code)
	}
	if err == nil {
		_, err = unix.Write(s.socket, a.opening.Requests[s.chat])
	}
	if err == nil {
		s.at = asked
		err = unix.EpollCtl(a.epoll, unix.EPOLL_CTL_MOD, s.socket, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(s.socket)})
	}
	if err != nil {
		a.fail("asking for a stream", err)
		a.hangUp(s)
	}
}

func (a *eventLoop) read(s *reader) {
	n, err := unix.Read(s.socket, a.buffer)
	switch {
	case err == unix.EAGAIN || err == unix.EINTR:
		return
	case err != nil || n == 0:
		if s.at == asked {
			a.fail("opening a stream", fmt.Errorf("the server ended it: %q", s.head))
		}
		a.counted.Ended++
		a.hangUp(s)
		return
	}
	a.counted.Reads++
	b := a.buffer[:n]
	if s.at == asked {
		s.head = append(s.head, b...)
		if a.proceed(s); s.at == closed {
			return
		}
	}
	if messages := s.take(b, micros(time.Now()), &a.counted.tally); s.group < groups && messages > 0 {
		a.delivered.add(s.group, int64(messages))
	}
}

// proceed does what there is to do with what was answered so far.
func (a *eventLoop) proceed(s *reader) {
	if !s.replied && a.opening.Replies != nil && bytes.Contains(s.head, a.opening.Greeted) {
		s.replied = true
		if _, err := unix.Write(s.socket, a.opening.Replies[s.chat]); err != nil {
			a.fail("replying", err)
		}
	}
	switch {
	case bytes.Contains(s.head, []byte("\r\n\r\n")) && !accepted(s.head):
		a.counted.Refused++
		a.hangUp(s)
		s.after = time.Now().Add(refusedFor)
		a.again = append(a.again, s)
		a.openMore()
	case bytes.Contains(s.head, a.opening.Opened):
		a.opened(s)
	}
}

// refusedFor is how long a reader that was refused waits.
const refusedFor = 500 * time.Millisecond

// accepted says that an answer begins a stream or a WebSocket.
func accepted(head []byte) bool {
	return bytes.HasPrefix(head, []byte("HTTP/1.1 200 ")) || bytes.HasPrefix(head, []byte("HTTP/1.1 101 "))
}

func (a *eventLoop) opened(s *reader) {
	s.at, s.head = open, nil
	a.counted.Opened++
	a.busy--
	if s.stalled {
		// It is read no more. The kernel forgets it only when it is closed.
		if err := unix.EpollCtl(a.epoll, unix.EPOLL_CTL_DEL, s.socket, nil); err != nil {
			a.fail("stalling", err)
		}
	}
	a.openMore()
}

// hangUp closes a reader's socket. It is reset and so leaves nothing behind: tens
// of thousands of them would be in the way of the next.
func (a *eventLoop) hangUp(s *reader) {
	switch s.at {
	case closed:
		return
	case open:
		a.counted.Opened--
	default:
		a.busy--
	}
	s.at = closed
	delete(a.bySocket, int32(s.socket))
	_ = unix.SetsockoptLinger(s.socket, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	_ = unix.Close(s.socket)
}
