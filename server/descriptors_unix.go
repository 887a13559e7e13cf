//go:build unix

package server

import "syscall"

// descriptors is how many files the process may have open, which Go raises to the
// most that it may; 0 where that is not known.
func descriptors() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur > maxStreams {
		return 0
	}
	return int(limit.Cur)
}
