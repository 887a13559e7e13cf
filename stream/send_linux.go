//go:build linux && !race

package stream

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// send writes b, which is not empty, to a socket without waiting for room, and without
// a word to the scheduler: docs/adr/0010-sends-the-scheduler-is-not-told-of.md says why
// and what that needs. No signal comes of a socket that is closed. The conversion to
// uintptr stands in the call, which keeps b alive and in its place.
func send(fd int, b []byte) (int, error) {
	n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)),
		unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
