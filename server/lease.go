package server

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"parley/rates"
	"parley/repository"
	"parley/stream"
)

// takeLease takes the instance's place among those on its database; nil where it is alone by
// the nature of the database. Services with one secret have one fingerprint, which is stored:
// an instance that does not know the others' would refuse the tokens that they sign. Which is
// taken first is looked at second, so that of two that start at once one sees the other.
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
		return nil, err
	}
	other, err := lease.OtherSecret(ctx)
	if err == nil && !other {
		return sharing{lease, &s.share}, nil
	}
	giveUp(lease)
	if err != nil {
		return nil, fmt.Errorf("looking for instances with another signing secret: %w", err)
	}
	return nil, &Mistake{"jwt-secret", fmt.Sprintf("another instance that serves this database has another secret: "+
		"give all instances the same, name that one in --jwt-previous-secret, or stop the others first; one that was killed counts for %v", stream.LeaseLasts)}
}

// sharing is a lease that also tells how many instances share the limits on rate.
type sharing struct {
	*repository.Lease
	share *rates.Share
}

// Elsewhere is Lease.Elsewhere.
func (l sharing) Elsewhere(ctx context.Context) (map[string]int, error) {
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
