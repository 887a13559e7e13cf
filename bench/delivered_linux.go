package main

import (
	"errors"
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// delivered is how many messages each group of readers has been given, in memory that
// the audience and the posters share: asking costs the audience nothing.
type delivered struct {
	memory []byte
	counts *[groups]atomic.Int64
	// used is how many groups have readers.
	used int
}

// makeDelivered makes the file and maps it.
func makeDelivered(path string) (*delivered, error) {
	var none [groups]atomic.Int64
	if err := os.WriteFile(path, make([]byte, unsafe.Sizeof(none)), 0o600); err != nil {
		return nil, err
	}
	return openDelivered(path)
}

// openDelivered maps the file that another process has made.
func openDelivered(path string) (*delivered, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s := &delivered{used: groups}
	s.memory, err = unix.Mmap(int(f.Fd()), 0, int(unsafe.Sizeof(*s.counts)), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	s.counts = (*[groups]atomic.Int64)(unsafe.Pointer(&s.memory[0]))
	return s, nil
}

// least is what the slowest group has been given.
func (s *delivered) least() int64 {
	least := s.counts[0].Load()
	for i := 1; i < s.used; i++ {
		least = min(least, s.counts[i].Load())
	}
	return least
}

func (s *delivered) add(group int, messages int64) { s.counts[group].Add(messages) }

func (s *delivered) close() error {
	if s == nil {
		return nil
	}
	return errors.Join(unix.Munmap(s.memory))
}
