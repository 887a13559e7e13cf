package stream

import (
	"fmt"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// poller tells one event loop when its sockets have room again, when clients send
// something, and when they go. It is one epoll for all of them. The runtime's own poller
// waits for that, so that no thread does.
type poller struct {
	loop  *eventLoop
	epoll *os.File
	raw   syscall.RawConn

	mu            sync.Mutex
	registrations map[int32]registration // by descriptor
	// last is the number of the newest registration.
	last int32
}

// registration is a socket in the epoll and the reader to wake. number tells an event of
// the socket from a late one of another that had the same descriptor.
type registration struct {
	socket *tcpSocket
	reader *reader
	number int32
}

// runningPoller is the event loop's poller, which begins to run when it is first needed.
func (l *eventLoop) runningPoller() (*poller, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.poller == nil {
		p, err := newPoller(l)
		if err != nil {
			return nil, err
		}
		l.poller = p
		l.broker.workDone.Go(p.run)
	}
	return l.poller, nil
}

// stopPolling ends the poller, when no sockets are left in it.
func (l *eventLoop) stopPolling() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.poller != nil {
		_ = l.poller.epoll.Close()
	}
}

func newPoller(l *eventLoop) (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("making an epoll: %w", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("making an epoll: %w", err)
	}
	p := &poller{loop: l, epoll: os.NewFile(uintptr(fd), "epoll"), registrations: make(map[int32]registration)}
	if p.raw, err = p.epoll.SyscallConn(); err != nil {
		p.epoll.Close()
		return nil, fmt.Errorf("making an epoll: %w", err)
	}
	return p, nil
}

// add registers a socket, edge-triggered, so that a socket that stays as it is makes one
// event.
func (p *poller) add(s *tcpSocket, rd *reader) error {
	p.mu.Lock()
	p.last++
	number := p.last
	p.registrations[int32(s.fd)] = registration{s, rd, number}
	p.mu.Unlock()
	event := unix.EpollEvent{
		Events: unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET,
		Fd:     int32(s.fd), Pad: number,
	}
	var failed error
	err := p.raw.Control(func(epoll uintptr) { failed = unix.EpollCtl(int(epoll), unix.EPOLL_CTL_ADD, s.fd, &event) })
	if err == nil {
		err = failed
	}
	if err != nil {
		p.remove(s)
	}
	return err
}

// remove forgets a socket. The kernel does so by itself when the socket is closed.
func (p *poller) remove(s *tcpSocket) {
	p.mu.Lock()
	delete(p.registrations, int32(s.fd))
	p.mu.Unlock()
}

// run tells the event loop what happens to its sockets, until the epoll is closed.
func (p *poller) run() {
	events := make([]unix.EpollEvent, 256)
	for {
		var n int
		var failed error
		err := p.raw.Read(func(epoll uintptr) bool {
			for {
				n, failed = unix.EpollWait(int(epoll), events, 0)
				if failed != unix.EINTR {
					return n != 0
				}
			}
		})
		if err != nil || failed != nil {
			return
		}
		for _, e := range events[:n] {
			p.tell(e)
		}
	}
}

func (p *poller) tell(e unix.EpollEvent) {
	p.mu.Lock()
	reg := p.registrations[e.Fd]
	p.mu.Unlock()
	if reg.socket == nil || reg.number != e.Pad {
		return
	}
	var seen uint32
	if e.Events&unix.EPOLLOUT != 0 {
		seen |= seenRoom
	}
	if e.Events&unix.EPOLLIN != 0 {
		seen |= seenInput
	}
	if e.Events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		seen |= seenEnd
	}
	reg.socket.seen.Or(seen)
	p.loop.wake(reg.reader)
}
