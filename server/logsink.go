package server

import (
	"bytes"
	"io"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	// logDelay is how long a line of the log waits for others, so that many are
	// written by one system call.
	logDelay = 20 * time.Millisecond
	// logBuffered bounds what waits while the log's writer does not keep up, in bytes.
	logBuffered = 4 << 20
	// logClosing is how long the last lines have to be written in.
	logClosing = 500 * time.Millisecond
)

// logSink is where every line of the log goes: a writer that never blocks. One
// goroutine writes the lines on, in order. What the log's own writer does not take
// in time is dropped, by whole lines, and counted.
type logSink struct {
	out     io.Writer
	dropped prometheus.Counter

	// wake has room for one: there are lines, or the sink is closed.
	wake chan struct{}
	// closing is closed when the sink is, and ended when its goroutine has ended.
	closing, ended chan struct{}

	mu     sync.Mutex
	lines  []byte
	closed bool
}

func newLogSink(out io.Writer) *logSink {
	s := &logSink{
		out: out,
		dropped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "parley_log_lines_dropped_total",
			Help: "Lines of the log that were lost, because standard error did not take them in time.",
		}),
		wake:    make(chan struct{}, 1),
		closing: make(chan struct{}),
		ended:   make(chan struct{}),
	}
	go s.run()
	return s
}

// Write takes one line. It keeps nothing of it and never fails.
func (s *logSink) Write(line []byte) (int, error) {
	s.mu.Lock()
	taken := !s.closed && len(s.lines)+len(line) <= logBuffered
	if taken {
		s.lines = append(s.lines, line...)
	}
	s.mu.Unlock()
	if !taken {
		s.dropped.Inc()
		return len(line), nil
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return len(line), nil
}

// close writes what is left, as far as that can be done in time.
func (s *logSink) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	close(s.closing)
	within(logClosing, func() { <-s.ended })
}

func (s *logSink) run() {
	defer close(s.ended)
	var lines []byte
	for {
		select {
		case <-s.wake:
			s.gather()
		case <-s.closing:
		}
		s.mu.Lock()
		lines, s.lines = s.lines, lines[:0]
		last := s.closed
		s.mu.Unlock()
		s.write(lines)
		if last {
			return
		}
	}
}

// gather waits for more lines, or for the end.
func (s *logSink) gather() {
	timer := time.NewTimer(logDelay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.closing:
	}
}

func (s *logSink) write(lines []byte) {
	if len(lines) == 0 {
		return
	}
	if n, err := s.out.Write(lines); err != nil {
		s.dropped.Add(float64(bytes.Count(lines[n:], []byte{'\n'})))
	}
}
