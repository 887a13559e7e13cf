package stream

import (
	"context"
	"errors"
	"iter"
	"maps"
	"time"

	"parley/chat"
)

// Lease is this instance's place among those that serve one database, by which they count
// a user's streams together. Its methods are called one at a time.
type Lease interface {
	// Renew lets the lease last for some time from now. It says whether the lease is a
	// fresh one, of which nothing has been told.
	Renew(ctx context.Context, last time.Duration) (fresh bool, err error)
	// Tell stores how many streams this instance holds of users; 0 takes a user away. It
	// counts for the others while the lease lasts. Of what fails any part may be stored.
	Tell(ctx context.Context, streams map[string]int) error
	// Elsewhere reads how many streams the other instances have told that they hold, by
	// user.
	Elsewhere(ctx context.Context) (map[string]int, error)
	// TellPresence stores where users came to be present at this instance, and where they went.
	// It counts for the others while the lease lasts. Of what fails any part may be stored.
	TellPresence(ctx context.Context, came, gone []chat.Whereabouts) error
	// PresentElsewhere reads where some users are present at other instances.
	PresentElsewhere(ctx context.Context, users []string) ([]chat.Whereabouts, error)
	// CountElsewhere counts the users that are present in some chats at other instances.
	CountElsewhere(ctx context.Context, chats []string) (map[string]int, error)
	// Forsaken takes the whereabouts that were told of by instances whose leases have ended for
	// a while, with the chats that they are about, in order. Another instance may be given some
	// of the same at the same time.
	Forsaken(ctx context.Context, ended time.Duration) (map[chat.Whereabouts][]string, error)
	// End gives the lease up: what was told of it counts no more.
	End(ctx context.Context) error
}

const (
	// leaseRound lies between two rounds of telling and hearing, ± 10 %.
	leaseRound = time.Second
	// LeaseLasts is how long the streams of an instance count that is not heard of.
	LeaseLasts = 20 * time.Second
	// leaseRenewal is how often the lease is renewed, and the longest that a round takes, and
	// rests.
	leaseRenewal = 5 * time.Second
	// leaseRest is how many times as long as a round took it is rested behind it, so that
	// very many users above the limit's threshold cost the database a tenth of a
	// connection's time, and not more.
	leaseRest = 9
	// maxTold bounds what is told at once.
	maxTold = 1000
	// leaseEnding bounds how long the end of the lease takes, within what a server gives its
	// broker to stop.
	leaseEnding = 800 * time.Millisecond
)

// leaseholder tells the other instances of this one's streams and hears of theirs, in
// rounds. No stream waits for it: one is admitted by this instance's own count and the
// others' as last heard.
type leaseholder struct {
	broker *Broker
	lease  Lease
	// told are the users that the others may have been told of.
	told map[string]struct{}
	// renewed, heard and swept are when the lease was renewed, the others heard, and what
	// instances left that are gone was looked for last.
	renewed, heard, swept time.Time
}

func newLeaseholder(b *Broker, l Lease) *leaseholder {
	h := &leaseholder{broker: b, lease: l, told: make(map[string]struct{})}
	if h.counts() {
		b.changed = make(map[string]struct{})
	}
	return h
}

// counts says whether streams are counted. Without a limit the lease is held for what else
// it says of the instance.
func (h *leaseholder) counts() bool { return h.broker.opts.Limits.PerUser > 0 }

// run holds the lease until ctx ends, and gives it up then.
func (h *leaseholder) run(ctx context.Context) {
	rest := time.NewTimer(0)
	defer rest.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			h.end()
			return
		case <-rest.C:
		}
		began := time.Now()
		err := h.round(ctx)
		if err != nil {
			h.fail(err, failing)
		}
		failing = err != nil
		rest.Reset(jitter(h.rest(time.Since(began), failing)))
	}
}

// rest is how long to wait behind a round that took some time. What failed says nothing of
// how much there is to do.
func (h *leaseholder) rest(took time.Duration, failed bool) time.Duration {
	if failed {
		return leaseRound
	}
	return min(max(leaseRound, leaseRest*took), leaseRenewal)
}

// round renews the lease when it is time, tells what has changed, and hears.
func (h *leaseholder) round(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, leaseRenewal)
	defer cancel()
	if err := h.renew(ctx); err != nil {
		return err
	}
	if h.counts() {
		if err := h.tell(ctx); err != nil {
			return err
		}
		if err := h.hear(ctx); err != nil {
			return err
		}
	}
	if err := h.broker.movePresence(ctx, h.lease); err != nil {
		return err
	}
	return h.sweep(ctx)
}

// sweep tells of the users of instances that are gone, when it is time.
func (h *leaseholder) sweep(ctx context.Context) error {
	if time.Since(h.swept) < leaseRenewal {
		return nil
	}
	if err := h.broker.sweepPresence(ctx, h.lease); err != nil {
		return err
	}
	h.swept = time.Now()
	return nil
}

// renew renews the lease when it is time. Of a fresh one everything is told again.
func (h *leaseholder) renew(ctx context.Context) error {
	now := time.Now()
	if now.Sub(h.renewed) < leaseRenewal {
		return nil
	}
	fresh, err := h.lease.Renew(ctx, LeaseLasts)
	if err != nil {
		return err
	}
	h.renewed = now
	if fresh {
		h.broker.noteChanged(maps.Keys(h.told))
		clear(h.told)
		h.broker.notePresent()
	}
	return nil
}

// hear reads the other instances' streams.
func (h *leaseholder) hear(ctx context.Context) error {
	began := time.Now()
	elsewhere, err := h.lease.Elsewhere(ctx)
	if err != nil {
		return err
	}
	h.heard = began
	h.broker.setElsewhere(elsewhere)
	return nil
}

// tell tells of the users whose streams have become more or fewer.
func (h *leaseholder) tell(ctx context.Context) error {
	for {
		changed := h.broker.takeChanged(maxTold)
		if len(changed) == 0 {
			return nil
		}
		h.leaveOut(changed)
		if len(changed) == 0 {
			continue
		}
		if err := h.lease.Tell(ctx, changed); err != nil {
			h.broker.noteChanged(maps.Keys(changed))
			return err
		}
		for user, n := range changed {
			if n == 0 {
				delete(h.told, user)
			}
		}
	}
}

// leaveOut removes the users that the others never were told of and need not be.
func (h *leaseholder) leaveOut(changed map[string]int) {
	for user, n := range changed {
		if _, told := h.told[user]; n == 0 && !told {
			delete(changed, user)
		} else {
			h.told[user] = struct{}{}
		}
	}
}

// fail deals with a round that failed. What was heard is used for as long as the leases that
// it was told of may last.
func (h *leaseholder) fail(err error, failing bool) {
	h.renewed = time.Time{} // the lease may be gone
	if time.Since(h.heard) >= LeaseLasts {
		h.broker.setElsewhere(nil)
	}
	if !failing && !errors.Is(err, context.Canceled) {
		h.broker.opts.Log.Warn("the other instances cannot be told or heard of; their streams count as last known", "error", err)
	}
}

// end gives the lease up.
func (h *leaseholder) end() {
	ctx, cancel := context.WithTimeout(context.Background(), leaseEnding)
	defer cancel()
	if err := h.lease.End(ctx); err != nil {
		h.broker.opts.Log.Warn("giving up the lease; other instances delete what is left of it", "error", err)
	}
}

// The broker's side of it.

// noteChanged has the others told of users again.
func (b *Broker) noteChanged(users iter.Seq[string]) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for user := range users {
		b.changed[user] = struct{}{}
	}
}

// takeChanged takes up to n of the users whose streams have changed, and counts for each
// what the others need to know.
func (b *Broker) takeChanged(n int) map[string]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	taken := make(map[string]int)
	for user := range b.changed {
		if len(taken) == n {
			break
		}
		delete(b.changed, user)
		taken[user] = 0
		if streams := len(b.users[user]); streams > b.limits.untold() {
			taken[user] = streams
		}
	}
	return taken
}

// setElsewhere replaces what is known of the other instances' streams.
func (b *Broker) setElsewhere(streams map[string]int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.elsewhere = streams
}
