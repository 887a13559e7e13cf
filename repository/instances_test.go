package repository

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"
)

// twoLeases are the leases of two instances on one database.
func twoLeases(t *testing.T) (here, there *Lease) {
	t.Helper()
	a, b := freshStore(t, "postgres").openTwo(t)
	here, there = a.Lease("one secret"), b.Lease("one secret")
	for _, l := range []*Lease{here, there} {
		if fresh, err := l.Renew(t.Context(), time.Minute); err != nil || !fresh {
			t.Fatalf("the first lease is fresh: %v, %v", fresh, err)
		}
	}
	return here, there
}

func (l *Lease) mustTell(t *testing.T, streams map[string]int) {
	t.Helper()
	if err := l.Tell(t.Context(), streams); err != nil {
		t.Fatal(err)
	}
}

// wantElsewhere wants a lease's instance to hear of these streams.
func (l *Lease) wantElsewhere(t *testing.T, want map[string]int) {
	t.Helper()
	got, err := l.Elsewhere(t.Context())
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("elsewhere are %v, %v; want %v", got, err, want)
	}
}

func TestWhatIsToldOfStreamsIsHeardElsewhere(t *testing.T) {
	t.Parallel()
	here, there := twoLeases(t)
	here.mustTell(t, map[string]int{"ann": 5, "bob": 1})
	here.wantElsewhere(t, map[string]int{})
	there.wantElsewhere(t, map[string]int{"ann": 5, "bob": 1})
	there.mustTell(t, map[string]int{"ann": 2})
	here.mustTell(t, map[string]int{"ann": 6, "bob": 0, "eve": 0})
	here.wantElsewhere(t, map[string]int{"ann": 2})
	there.wantElsewhere(t, map[string]int{"ann": 6})

	third := here.r.Lease("one secret")
	third.wantElsewhere(t, map[string]int{"ann": 8})
	if here.Others() != 1 || there.Others() != 1 || third.Others() != 2 {
		t.Errorf("there are %d, %d and %d others", here.Others(), there.Others(), third.Others())
	}
	if fresh, err := here.Renew(t.Context(), time.Minute); err != nil || fresh {
		t.Errorf("a renewed lease is fresh: %v, %v", fresh, err)
	}
	if err := here.End(t.Context()); err != nil {
		t.Fatal(err)
	}
	there.wantElsewhere(t, map[string]int{})
	third.wantElsewhere(t, map[string]int{"ann": 2})
	if there.Others() != 0 {
		t.Errorf("%d others are left", there.Others())
	}
	if n := number(t, here.r, `SELECT (SELECT count(*) FROM instances) * 1000 + count(*) FROM instance_streams`); n != 1001 {
		t.Errorf("behind an orderly end %d leases and %d counts are left", n/1000, n%1000)
	}
}

func TestALeaseThatRanOutCountsNoMoreAndIsNotExtended(t *testing.T) {
	t.Parallel()
	here, there := twoLeases(t)
	here.mustTell(t, map[string]int{"ann": 5})
	if _, err := here.Renew(t.Context(), time.Millisecond); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the lease has run out", func() bool {
		return number(t, here.r, `SELECT count(*) FROM instances WHERE expires_at <= `+here.r.dialect.now) == 1
	})
	there.wantElsewhere(t, map[string]int{})
	old := here.id
	if fresh, err := here.Renew(t.Context(), time.Minute); err != nil || !fresh || here.id == old {
		t.Fatalf("the next lease is fresh: %v, %v", fresh, err)
	}
	there.wantElsewhere(t, map[string]int{})
	if err := there.r.dropLeases(t.Context()); err != nil {
		t.Fatal(err)
	}
	here.mustTell(t, map[string]int{"ann": 4})
	there.wantElsewhere(t, map[string]int{"ann": 4})
	if n := number(t, here.r, `SELECT count(*) FROM instances`); n != 2 {
		t.Errorf("%d leases are left", n)
	}
}

// A lease may be deleted while its instance stands still; nothing is told of it then.
func TestNothingIsToldOfALeaseThatIsGone(t *testing.T) {
	t.Parallel()
	here, there := twoLeases(t)
	fill(t, here.r, `DELETE FROM instances WHERE id = ?`, here.id)
	if err := here.Tell(t.Context(), map[string]int{"ann": 5}); err == nil {
		t.Error("it was told")
	}
	there.wantElsewhere(t, map[string]int{})
}

func TestStreamsOfManyUsersAreToldAndForgottenInPages(t *testing.T) {
	t.Parallel()
	here, there := twoLeases(t)
	want := make(map[string]int)
	for i := range heardPage + 500 {
		want[fmt.Sprintf("user-%d", i)] = i + 1
	}
	here.mustTell(t, want)
	if got, err := there.Elsewhere(t.Context()); err != nil || !maps.Equal(got, want) {
		t.Errorf("%d users are heard of, %v; want %d", len(got), err, len(want))
	}
	fill(t, here.r, `ANALYZE`)
	plans := &explaining{queryer: here.r.pool, d: here.r.dialect}
	explain := func(query, index string, args ...any) {
		t.Helper()
		if err := plans.explain(t.Context(), here.r.dialect.rebind(query), args...); err != nil {
			t.Fatal(err)
		}
		wantPlan(t, plans, index)
		if plan := plans.plans[len(plans.plans)-1]; strings.Contains(plan, "Sort") {
			t.Errorf("more than a page is read:\n%s", plan)
		}
	}
	explain(toldBehind, "instance_streams_pkey", "user-5", here.id, heardPage)
	explain(dropTold, "instance_streams_of", here.id, here.id, endingSlice)
	if err := here.End(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := number(t, here.r, `SELECT count(*) FROM instance_streams`); n != 0 {
		t.Errorf("%d counts are left", n)
	}
}

func TestAnotherSecretIsSeenWhileAnInstanceWithItLives(t *testing.T) {
	t.Parallel()
	here, there := twoLeases(t)
	stranger := here.r.Lease("another secret")
	for range 2 { // it stays so
		stranger.wantRenewed(t, false, ErrOtherSecret)
	}
	here.wantRenewed(t, false, nil) // one that lasts is not asked to make room
	here.r.Lease("a new secret", "one secret", "another secret").wantRenewed(t, true, nil)
	for _, l := range []*Lease{here, there} {
		if err := l.End(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	fill(t, here.r, `DELETE FROM instances WHERE secret = 'a new secret'`)
	stranger.wantRenewed(t, true, nil)
	stranger.wantRenewed(t, false, nil)
}

// wantRenewed renews a lease.
func (l *Lease) wantRenewed(t *testing.T, fresh bool, want error) {
	t.Helper()
	if got, err := l.Renew(t.Context(), time.Minute); got != fresh || !errors.Is(err, want) {
		t.Errorf("a lease of %q is fresh: %v, %v; want %v, %v", l.secrets, got, err, fresh, want)
	}
}

func TestALeaseThatIsTakenAnewSeesAnotherSecret(t *testing.T) {
	t.Parallel()
	here, there := twoLeases(t)
	fill(t, here.r, `UPDATE instances SET expires_at = 0`)
	here.r.Lease("another secret").wantRenewed(t, true, nil)
	here.wantRenewed(t, false, ErrOtherSecret)
	there.wantRenewed(t, false, ErrOtherSecret)
}

func TestAFileHasNoLease(t *testing.T) {
	t.Parallel()
	if l := freshStore(t, "sqlite").open(t).Lease("one secret"); l != nil {
		t.Errorf("a lease: %+v", l)
	}
}
