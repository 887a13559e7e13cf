package stream

import (
	"errors"
	"net"
	"net/http"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// unackedTimeout is how long sent bytes may stay unacknowledged before the kernel
// gives the connection up: a client that vanished without a word, in milliseconds
// (tcp(7), TCP_USER_TIMEOUT).
const unackedTimeout = 60_000

func setUnackedTimeout(c *net.TCPConn) {
	setTCPOption(c, unix.TCP_USER_TIMEOUT, unackedTimeout)
}

// limitUnsent bounds what the kernel keeps for a connection that carries streams
// beside other answers. What it may have sent and not yet seen acknowledged goes on
// growing with the network's capacity, so the other answers lose no speed; a client
// that has stopped reading acknowledges and takes nothing more (tcp(7),
// TCP_NOTSENT_LOWAT).
func (a acceptedConn) limitUnsent() {
	setTCPOption(a.tcp, unix.TCP_NOTSENT_LOWAT, sendBuffer)
}

// setTCPOption sets an option. A connection on which that fails is gone, and the next
// write tells.
func setTCPOption(c *net.TCPConn, option, value int) {
	raw, err := c.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, option, value) })
}

// unsent is how many bytes the kernel has not sent yet (tcp(7), SIOCOUTQNSD): the client's
// window, or the network's capacity, keeps it from that. Of no connection there are none.
func unsent(c *net.TCPConn) (bytes int) {
	if c == nil {
		return 0
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return 0
	}
	_ = raw.Control(func(fd uintptr) { bytes, _ = unix.IoctlGetInt(int(fd), unix.SIOCOUTQNSD) })
	return bytes
}

// hijack duplicates the descriptor, so that the runtime's poller, and all that
// net keeps of a connection, can go.
func (a acceptedConn) hijack(w http.ResponseWriter, chunked bool) (socket, error) {
	hijacked, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, err
	}
	defer hijacked.Close()
	limitSendBuffer(a.tcp)
	raw, err := a.tcp.SyscallConn()
	if err != nil {
		return nil, err
	}
	var fd int
	var failed error
	err = raw.Control(func(of uintptr) { fd, failed = unix.FcntlInt(of, unix.F_DUPFD_CLOEXEC, 0) })
	if err := errors.Join(err, failed); err != nil {
		return nil, err
	}
	return &tcpSocket{fd: fd, inChunks: chunked}, nil
}

// tcpSocket is a non-blocking TCP socket.
type tcpSocket struct {
	fd       int
	inChunks bool
	poller   *poller
	// seen are the events that the poller has seen and the event loop has not looked at.
	seen atomic.Uint32

	// These belong to the event loop's goroutine.

	blocked bool
	stray   int
}

const (
	seenRoom = 1 << iota
	seenInput
	seenEnd
)

// maxSend is how many bytes one system call is given, during which the event loop's
// thread serves no other goroutine.
const maxSend = 64 << 10

func (s *tcpSocket) write(b []byte) (sent int, err error) {
	for sent < len(b) {
		part := b[sent:min(len(b), sent+maxSend)]
		n, err := send(s.fd, part)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			s.blocked = true
			return sent, nil
		case err != nil:
			return 0, err
		}
		sent += n
		if n < len(part) {
			s.blocked = true
			return sent, nil
		}
	}
	s.blocked = false
	return sent, nil
}

func (s *tcpSocket) chunked() bool { return s.inChunks }

func (s *tcpSocket) full() bool {
	if s.blocked && s.seen.And(^uint32(seenRoom))&seenRoom != 0 {
		s.blocked = false
	}
	return s.blocked
}

func (s *tcpSocket) lags() bool { return s.full() }

// gone says whether the client has closed its connection, or only its half, which
// net/http takes for the same, or has sent more than a client that listens would.
func (s *tcpSocket) gone() bool {
	seen := s.seen.Load()
	if seen&seenInput != 0 {
		s.seen.And(^uint32(seenInput))
		s.drain()
	}
	return seen&seenEnd != 0 || s.stray > maxStray
}

// drain drops what the client has sent. Input that nobody reads would turn the
// closing of the socket into a reset, which destroys what the client has yet to
// read.
func (s *tcpSocket) drain() {
	var dropped [4096]byte
	for s.stray <= maxStray {
		n, err := unix.Read(s.fd, dropped[:])
		if err == unix.EINTR {
			continue
		}
		if n <= 0 {
			return
		}
		s.stray += n
	}
}

func (s *tcpSocket) register(l *eventLoop, rd *reader) (err error) {
	if s.poller, err = l.runningPoller(); err != nil {
		return err
	}
	return s.poller.add(s, rd)
}

// close ends the connection. A full socket is reset, so that the kernel does not hold
// for minutes what nobody will read.
func (s *tcpSocket) close(why reason) {
	if s.poller != nil {
		s.poller.remove(s)
	}
	if why == reasonSlow {
		_ = unix.SetsockoptLinger(s.fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	} else {
		s.drain()
	}
	_ = unix.Close(s.fd)
}
