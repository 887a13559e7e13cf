package repository

import (
	"errors"
	"slices"
	"sync"
	"testing"

	"parley/chat"
	"parley/e2e/need"
)

// inDoubt is a post whose commit's answer is lost, on a connection that then leads nowhere.
type inDoubt struct {
	address string
	w       *wire
	r       *Repository
	ann     chat.Actor
	post    chat.Post
	before  chat.Message
	answer  chan error

	mu sync.Mutex
	// told are the positions that were published.
	told []int64
}

func newInDoubt(t *testing.T, address string) *inDoubt {
	t.Helper()
	d := &inDoubt{address: address, w: newWire(t, address), answer: make(chan error, 1)}
	d.r = (&store{url: d.w.url}).open(t, func(o *Options) {
		o.Committed = func(evs []chat.Event) {
			d.mu.Lock()
			defer d.mu.Unlock()
			for _, ev := range evs {
				d.told = append(d.told, ev.Pos)
			}
		}
	})
	d.ann = signUp(t, d.r, "ann")["ann"]
	makeChat(t, d.r, d.ann, "den", chat.Private, nil)
	d.before = say(t, d.r, d.ann, "den", "before")
	return d
}

// begin posts, and returns when the primary has committed it and no answer came.
func (d *inDoubt) begin(t *testing.T) {
	t.Helper()
	const all = 1 << 20
	d.post = chat.Post{Chat: "den", Text: "in doubt", ClientID: "key"}
	d.w.refuse.Store(all)
	d.w.cut.Store(behindCommit)
	go func() {
		_, err := d.r.Post(t.Context(), d.ann, d.post)
		d.answer <- err
	}()
	eventually(t, "looked up", func() bool { return d.w.cuts.Load() > 0 && d.w.refuse.Load() < all })
}

// end lets connections lead to the standby, and wants the post to be there once.
func (d *inDoubt) end(t *testing.T, standby *need.Cluster, kept bool) {
	t.Helper()
	d.w.leadTo(t, standby.Counterpart(t, d.address))
	d.w.refuse.Store(0)
	if err := <-d.answer; err != nil && !errors.Is(err, chat.ErrUnavailable) {
		t.Errorf("the post in doubt: %v", err)
	}
	var posted chat.Posted
	eventually(t, "posted", func() (ok bool) {
		var err error
		posted, err = d.r.Post(t.Context(), d.ann, d.post)
		if err != nil && !errors.Is(err, chat.ErrUnavailable) {
			t.Fatal(err)
		}
		return err == nil
	})
	jumps := jumpsOf(t, d.r)
	if len(jumps) != 1 {
		t.Fatalf("the jumps are %v", jumps)
	}
	if isOld := posted.Message.ID <= jumps[0].Before; isOld != kept || kept && posted.Message.ID != d.before.ID+1 {
		t.Errorf("it is at %d, and the log jumped %v", posted.Message.ID, jumps[0])
	}
	if n := number(t, d.r, `SELECT count(*) FROM messages WHERE client_id = 'key'`); n != 1 {
		t.Errorf("it is stored %d times", n)
	}
	eventually(t, "told of", func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		return slices.Contains(d.told, posted.Message.ID)
	})
	wantWholeLog(t, d.r)
}

func TestABatchInDoubtIsLookedUpOnThePromotedStandby(t *testing.T) {
	t.Parallel()
	primary := need.NewCluster(t)
	kept, lost := newInDoubt(t, primary.Database(t)), newInDoubt(t, primary.Database(t))
	standby := primary.Standby(t)
	kept.begin(t)
	standby.Detach(t)
	lost.begin(t)
	primary.Crash(t)
	standby.Promote(t)
	kept.end(t, standby, true)
	lost.end(t, standby, false)
}
