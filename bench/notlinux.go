//go:build !linux

package main

import (
	"bufio"
	"errors"
)

// errLinux says what is missing: the audience and the plain writer use Linux's own
// calls, and processes are read in its /proc.
var errLinux = errors.New("carrying messages is measured on Linux alone")

type delivered struct{ used int }

func makeDelivered(string) (*delivered, error) { return nil, errLinux }
func openDelivered(string) (*delivered, error) { return nil, errLinux }
func (s *delivered) least() int64              { return 0 }
func (s *delivered) close() error              { return nil }

func runEventLoop(<-chan order, *delivered, func(counted) error) error { return errLinux }

func serveLimit(*bufio.Reader) error { return errLinux }

func (c *child) share(float64) error { return errLinux }
func canShare() error                { return errLinux }
