package stream

import (
	"bytes"
	"testing"

	"golang.org/x/sys/unix"
)

// socketPair is two connected non-blocking sockets.
func socketPair(t *testing.T) (a, b int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		unix.Close(fds[0])
		unix.Close(fds[1])
	})
	return fds[0], fds[1]
}

func TestASocketTakesWhatItHasRoomForInOrder(t *testing.T) {
	here, there := socketPair(t)
	s := &tcpSocket{fd: here}
	var want, got bytes.Buffer
	for i := range 100_000 {
		want.WriteByte(byte(i % 251))
	}
	for range 4 {
		want.Write(want.Bytes())
	}
	buffer := make([]byte, 1<<20)
	for sent := 0; sent < want.Len(); {
		n, err := s.write(want.Bytes()[sent:])
		if err != nil {
			t.Fatal(err)
		}
		sent += n
		expect(t, "full", s.blocked, sent < want.Len())
		for got.Len() < sent {
			n, err := unix.Read(there, buffer)
			if err != nil {
				t.Fatal(err)
			}
			got.Write(buffer[:n])
		}
	}
	expect(t, "what arrived is what was sent", bytes.Equal(got.Bytes(), want.Bytes()), true)
}

func TestASendToAClientThatHasGoneFails(t *testing.T) {
	here, there := socketPair(t)
	unix.Shutdown(there, unix.SHUT_RDWR)
	_, err := (&tcpSocket{fd: here}).write([]byte("a frame"))
	expect(t, "the error", err, error(unix.EPIPE))
	expect(t, "the reason", failed(err), reasonGone)
}
