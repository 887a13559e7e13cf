package server

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"parley/rates"
	"parley/repository"
	"parley/stream"
)

// takeLease takes the instance's place among those on its database; nil where it is alone by
// the nature of the database. Services with one secret have one fingerprint, which is stored:
// an instance that does not know the others' would refuse the tokens that they sign.
func (s *Server) takeLease(ctx context.Context, secrets secrets) (stream.Lease, error) {
	var known []string
	for _, key := range secrets.keys("instance") {
		known = append(known, hex.EncodeToString(key))
	}
	lease := s.repository.Lease(known[0], known[1:]...)
	if lease == nil {
		return nil, nil
	}
	if _, err := lease.Renew(ctx, stream.LeaseLasts); err != nil {
		giveUp(lease)
		return nil, mistaken(err)
	}
	return &sharing{Lease: lease, share: &s.share, fail: s.fail}, nil
}

// mistaken says of the error of a renewal which setting may cure it.
func mistaken(err error) error {
	if !errors.Is(err, repository.ErrOtherSecret) {
		return err
	}
	return &Mistake{"jwt-secret", fmt.Sprintf("another instance that serves this database has another secret: "+
		"give all instances the same, name that one in --jwt-previous-secret, or stop the others first; one that was killed counts for %v", stream.LeaseLasts)}
}

// sharing is a lease that also tells how many instances share the limits on rate, and ends
// the server where its secret is found to be another than theirs.
type sharing struct {
	*repository.Lease
	share *rates.Share
	fail  func(error)
	// other is since when an instance with another secret is seen; zero while none is.
	other time.Time
}

// ghostLasts is for how long the lease of an instance may be seen that does not serve: one that
// was refused beside others, or was killed.
const ghostLasts = stream.LeaseLasts + 5*time.Second

// Renew is Lease.Renew. An instance that was not heard of for as long as its lease lasted may
// meet one that could not start beside it. It ends then, as it could not start beside that one;
// but for no lease that may be a ghost's.
func (l *sharing) Renew(ctx context.Context, last time.Duration) (fresh bool, err error) {
	fresh, err = l.Lease.Renew(ctx, last)
	switch {
	case err == nil:
		l.other = time.Time{}
	case !errors.Is(err, repository.ErrOtherSecret):
	case l.other.IsZero():
		l.other = time.Now()
	case time.Since(l.other) > ghostLasts:
		l.fail(mistaken(err))
	}
	return fresh, err
}

// Elsewhere is Lease.Elsewhere.
func (l *sharing) Elsewhere(ctx context.Context) (map[string]int, error) {
	streams, err := l.Lease.Elsewhere(ctx)
	if err == nil {
		l.share.Among(1 + l.Others())
	}
	return streams, err
}

// giveUp ends a lease that is of no use, or leaves it to run out.
func giveUp(lease *repository.Lease) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = lease.End(ctx)
}
