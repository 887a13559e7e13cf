package server

import (
	"context"
	"time"

	"parley/middleware"
)

// compareClocks logs a line if this machine's clock and the database's differ by more than
// tokens may. Of what is signed by a clock that is behind, nothing shows it elsewhere: there
// the tokens have only ended.
func (s *Server) compareClocks(ctx context.Context) error {
	began := time.Now()
	theirs, err := s.repository.Clock(ctx)
	if err != nil {
		return err
	}
	if off := clocksDiffer(began, time.Now(), theirs); off != 0 {
		s.log.Warn("this machine's clock and the database's differ: access tokens may be refused by other instances",
			"ahead", off.Round(time.Second), "leeway", middleware.Leeway)
	}
	return nil
}

// clocksDiffer is how far this clock, which was asked between two times, is ahead of another;
// 0 if that is within what tokens may.
func clocksDiffer(began, ended, theirs time.Time) time.Duration {
	switch {
	case began.Sub(theirs) > middleware.Leeway:
		return began.Sub(theirs)
	case theirs.Sub(ended) > middleware.Leeway:
		return ended.Sub(theirs)
	}
	return 0
}
