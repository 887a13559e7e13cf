package server

import (
	"context"
	"net/http"
	"sync"
	"time"
)

const (
	// finishing is how long requests and streams have to come to their end.
	finishing = 10500 * time.Millisecond
	// stopping and closingTime are how long the broker, and the bus, then have to stop in,
	// and the database to be closed in.
	stopping    = time.Second
	closingTime = 2 * time.Second
)

// DrainTime is what a drain takes at the most, whatever is stuck, the log's writer
// included: with the process's end less than 15 s.
const DrainTime = finishing + stopping + closingTime + logClosing + 500*time.Millisecond

// Close drains the server and closes everything. It takes less than [DrainTime]; what
// is not at its end by then is cut off. Further calls do nothing.
func (s *Server) Close() { s.closing.Do(s.drain) }

func (s *Server) drain() {
	s.draining.Store(true)
	began := time.Now()
	if s.http != nil {
		s.log.Info("draining")
	}

	ctx, cancel := context.WithTimeout(context.Background(), finishing)
	defer cancel()
	var ending sync.WaitGroup
	// The listeners close first. Requests that are under way go on, and streams,
	// which would go on for ever, are ended beside them.
	for _, h := range []*http.Server{s.http, s.metrics} {
		if h != nil {
			ending.Go(func() { s.finish(ctx, h) })
		}
	}
	if s.broker != nil {
		ending.Go(s.endStreams)
	}
	ending.Wait()
	s.closeAll()
	if s.http != nil {
		s.log.Info("drained", "duration", time.Since(began))
	}
	s.logSink.close()
}

// finish lets a server's requests come to their end, and cuts off those that do
// not.
func (s *Server) finish(ctx context.Context, h *http.Server) {
	if err := h.Shutdown(ctx); err != nil {
		s.log.Warn("requests were cut off", "error", err)
		_ = h.Close()
	}
}

// endStreams lets streams come to their end.
func (s *Server) endStreams() {
	if !within(finishing, s.broker.Drain) {
		s.log.Warn("streams were cut off")
	}
}

// closeAll closes what is open. The listeners are closed already where they were
// served.
func (s *Server) closeAll() {
	if s.listener != nil {
		_ = s.listener.Close()
	}
	if s.metricsListener != nil {
		_ = s.metricsListener.Close()
	}
	if s.issuers != nil {
		s.issuers.Close()
	}
	if !within(stopping, s.stopBroker) {
		s.log.Error("the streams' work did not stop in time; it is left as it is")
	}
	if s.repository != nil && !within(closingTime, s.closeDatabase) {
		s.log.Error("the database did not close in time; it is left as it is")
	}
}

// stopBroker ends the streams' work, and then the bus that they hear of others by.
func (s *Server) stopBroker() {
	if s.broker != nil {
		if err := s.broker.Close(); err != nil {
			s.log.Error("ending the streams' work", "error", err)
		}
	}
	if s.bus != nil {
		if err := s.bus.Close(); err != nil {
			s.log.Error("closing the bus", "error", err)
		}
	}
}

func (s *Server) closeDatabase() {
	if err := s.repository.Close(); err != nil {
		s.log.Error("closing the database", "error", err)
	}
}

// within runs f and says whether it was done in time. Where it was not, f goes on
// alone: the process is about to end.
func within(d time.Duration, f func()) bool {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}
