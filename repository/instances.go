package repository

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// ErrOtherSecret says that an instance holds a lease whose signing secret this one does not
// know.
var ErrOtherSecret = errors.New("another instance that serves this database has another signing secret")

// Lease is this instance's place among those that serve the database. While it lasts, the
// others count the streams that it tells of. It lasts by the database's clock alone, so
// that the instances' own may differ. Its methods are called one at a time.
type Lease struct {
	r *Repository
	// secrets tell signing secrets apart: that of this instance, and others that it knows.
	secrets []string
	// id is that of the lease as it was taken last; empty before the first.
	id string
	// fresh says that Renew has yet to return that lease: its secret is not compared.
	fresh bool
	// others is how many leases of other instances lasted when Elsewhere read them.
	others int
}

// Lease returns the instance's lease, which is not taken before [Lease.Renew]. secret tells
// the service's signing secret from another without betraying it; known are those of other
// secrets that this instance verifies by. It is nil where the database is a file, which is
// served by one process.
func (r *Repository) Lease(secret string, known ...string) *Lease {
	if r.file != nil {
		return nil
	}
	return &Lease{r: r, secrets: append([]string{secret}, known...)}
}

// Renew lets the lease last for some time from now. One that has run out is not extended,
// because others may be deleting what belongs to it: a fresh one is taken, of which
// nothing has been told. Meanwhile an instance with another secret may have found no lease
// and begun to serve, so behind a fresh one the secrets are compared: [ErrOtherSecret], which
// is said again until that instance is gone. The lease is taken first, so that of two that
// take theirs at once one sees the other.
func (l *Lease) Renew(ctx context.Context, last time.Duration) (fresh bool, err error) {
	defer wrap(&err, "renewing the instance's lease")
	now := l.r.dialect.now
	n, err := l.change(ctx, `UPDATE instances SET expires_at = `+now+` + ? WHERE id = ? AND expires_at > `+now,
		last.Milliseconds(), l.id)
	if err != nil {
		return false, err
	}
	if n == 0 {
		if err := l.take(ctx, last); err != nil {
			return false, err
		}
	}
	if !l.fresh {
		return false, nil
	}
	other, err := l.otherSecret(ctx)
	if err == nil && other {
		err = ErrOtherSecret
	}
	if err != nil {
		return false, err
	}
	l.fresh = false
	return true, nil
}

// take takes a fresh lease.
func (l *Lease) take(ctx context.Context, last time.Duration) error {
	id := rand.Text()
	_, err := l.change(ctx, `INSERT INTO instances (id, secret, expires_at) VALUES (?, ?, `+l.r.dialect.now+` + ?)`,
		id, l.secrets[0], last.Milliseconds())
	if err == nil {
		l.id, l.fresh = id, true
	}
	return err
}

// End gives the lease up. What was told of it counts no more from then on.
func (l *Lease) End(ctx context.Context) (err error) {
	defer wrap(&err, "giving up the instance's lease")
	if l.id == "" {
		return nil
	}
	if _, err := l.change(ctx, `UPDATE instances SET expires_at = `+l.r.dialect.now+` WHERE id = ?`, l.id); err != nil {
		return err
	}
	_, err = bounded(ctx, l.r, share{}, func(ctx context.Context) (none struct{}, err error) {
		return none, l.r.dropLease(ctx, l.id)
	})
	return err
}

// otherSecret says whether an instance holds a lease whose signing secret this one does not
// know.
func (l *Lease) otherSecret(ctx context.Context) (bool, error) {
	return read(ctx, l.r, func(ctx context.Context, h handle) (bool, error) {
		return h.exists(ctx, `SELECT 1 FROM instances WHERE NOT secret `+h.d.among+` AND expires_at > `+h.d.now+` LIMIT 1`,
			h.d.list(l.secrets))
	})
}

// userStreams is how many streams there are of a user.
type userStreams struct {
	Username string `db:"username" json:"username"`
	Streams  int    `db:"streams" json:"streams"`
}

// Tell stores how many streams this instance holds of some users. 0 takes a user away.
func (l *Lease) Tell(ctx context.Context, streams map[string]int) (err error) {
	defer wrap(&err, "telling of the instance's streams")
	var counts []userStreams
	var gone []string
	for username, n := range streams {
		if n > 0 {
			counts = append(counts, userStreams{username, n})
		} else {
			gone = append(gone, username)
		}
	}
	told, err := json.Marshal(counts)
	if err != nil {
		return err
	}
	_, err = bounded(ctx, l.r, share{}, func(ctx context.Context) (none struct{}, err error) {
		return none, l.r.dialect.beside(ctx, l.r, "", func(ctx context.Context, c changer) error {
			return tell(ctx, c, l.r.dialect, l.id, len(counts), string(told), gone)
		})
	})
	return err
}

// tell changes what is stored of a lease. A lease that is gone is refused by its key.
func tell(ctx context.Context, c changer, d *dialect, id string, counts int, told string, gone []string) error {
	if counts > 0 {
		_, err := c.exec(ctx, `INSERT INTO instance_streams (username, instance, streams)
			SELECT value ->> 'username', CAST(? AS text), CAST(value ->> 'streams' AS integer) FROM `+d.each+` WHERE true
			ON CONFLICT (username, instance) DO UPDATE SET streams = excluded.streams`, id, told)
		if err != nil {
			return err
		}
	}
	if len(gone) == 0 {
		return nil
	}
	_, err := c.exec(ctx, `DELETE FROM instance_streams WHERE instance = ? AND username `+d.among, id, d.list(gone))
	return err
}

// heardPage is how many counts one statement reads.
const heardPage = 1000

// The statements that go through all that instances have told, a page or a slice each.
const (
	toldBehind = `SELECT username, instance, streams FROM instance_streams
		WHERE (username, instance) > (?, ?) ORDER BY username, instance LIMIT ?`
	dropTold = `DELETE FROM instance_streams WHERE instance = ? AND username IN (
		SELECT username FROM instance_streams WHERE instance = ? LIMIT ?)`
)

// Elsewhere reads how many streams the other instances have told that they hold, by user.
func (l *Lease) Elsewhere(ctx context.Context) (streams map[string]int, err error) {
	defer wrap(&err, "reading the other instances' streams")
	live, err := read(ctx, l.r, func(ctx context.Context, h handle) (live []string, err error) {
		err = h.all(ctx, &live, `SELECT id FROM instances WHERE id <> ? AND expires_at > `+h.d.now, l.id)
		return live, err
	})
	if err != nil {
		return nil, err
	}
	l.others = len(live)
	streams = make(map[string]int)
	// A page is read by the index alone. Which leases last is compared here, because a
	// join could make the database read all pages for each.
	for last := (storedStreams{}); ; {
		page, err := read(ctx, l.r, func(ctx context.Context, h handle) (page []storedStreams, err error) {
			err = h.all(ctx, &page, toldBehind, last.Username, last.Instance, heardPage)
			return page, err
		})
		if err != nil {
			return nil, err
		}
		for _, s := range page {
			if slices.Contains(live, s.Instance) {
				streams[s.Username] += s.Streams
			}
		}
		if len(page) < heardPage {
			return streams, nil
		}
		last = page[heardPage-1]
	}
}

// Others is how many other instances there were when [Lease.Elsewhere] looked last.
func (l *Lease) Others() int { return l.others }

// storedStreams is how many streams an instance has told of a user.
type storedStreams struct {
	Instance string `db:"instance"`
	userStreams
}

// change runs one statement, and returns when the time for it is up if it does not.
func (l *Lease) change(ctx context.Context, query string, args ...any) (changed int64, err error) {
	return bounded(ctx, l.r, share{}, func(ctx context.Context) (int64, error) { return l.r.beside(ctx, query, args...) })
}

// dropLeases deletes the leases that have run out.
func (r *Repository) dropLeases(ctx context.Context) error {
	ended, err := read(ctx, r, func(ctx context.Context, h handle) (ended []string, err error) {
		err = h.all(ctx, &ended, `SELECT id FROM instances WHERE expires_at <= `+h.d.now+` ORDER BY id LIMIT ?`, endingsAtOnce)
		return ended, err
	})
	for _, id := range ended {
		if err == nil {
			err = r.dropLease(ctx, id)
		}
	}
	if err != nil {
		return fmt.Errorf("deleting leases that have run out: %w", err)
	}
	return nil
}

// dropLease deletes a lease that has run out, behind what was told of it, in slices. While
// others have yet to tell who was present there, it stays.
func (r *Repository) dropLease(ctx context.Context, id string) error {
	for more := true; more; {
		n, err := r.beside(ctx, dropTold, id, id, endingSlice)
		if err != nil {
			return err
		}
		more = n == endingSlice
	}
	_, err := r.beside(ctx, `DELETE FROM instances WHERE id = ? AND NOT EXISTS (SELECT 1 FROM presences p WHERE p.instance = instances.id)`, id)
	return err
}
