package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"parley/chat"
	"parley/e2e/need"
)

// Fifty readers that break off and come back at random, while four writers post
// without a pause, half of them on the chat's own stream and half on the one over
// all chats: each is given every message once, in order.
func TestReadersThatReconnectUnderConstantPostingMissNothing(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, p *process) {
		const readers, writers, each = 50, 4, 100
		owner := newPerson(t, p)
		people := []*person{newPerson(t, p), newPerson(t, p), newPerson(t, p)}
		chatID := owner.makeChat(people...)
		tokens := make([]string, len(people))
		for i, who := range people {
			tokens[i] = who.login(p).Token
		}
		opened := owner.post(chatID, "the first message")

		var posting, reading sync.WaitGroup
		for w := range writers {
			posting.Go(func() {
				for i := range each {
					owner.post(chatID, fmt.Sprintf("message %d of writer %d", i, w))
				}
			})
		}
		var total chat.Message
		done := make(chan struct{})
		failures := make(chan error, readers)
		for n := range readers {
			url := p.URL + "/stream"
			if n%2 == 0 {
				url = p.URL + "/chats/" + chatID + "/stream"
			}
			reading.Go(func() {
				r := restless{url: url, token: tokens[n%len(tokens)], held: fmt.Sprint(opened.ID), seq: opened.Seq}
				if err := r.readAll(t.Context(), writers*each); err != nil {
					failures <- fmt.Errorf("reader %d: %w", n, err)
				}
			})
		}
		go func() { reading.Wait(); close(done) }()
		posting.Wait()
		total = owner.post(chatID, "the last message")
		<-done
		close(failures)
		for err := range failures {
			t.Error(err)
		}
		if want := opened.Seq + writers*each + 1; total.Seq != want {
			t.Errorf("the last message has seq %d, not %d: there is a hole or a double", total.Seq, want)
		}
	})
}

// Each of two instances behind nginx is drained and started again while posters post through
// nginx and readers read.
func TestRollingRestartsLoseNothingAndCostAReaderOneReconnectEach(t *testing.T) {
	t.Parallel()
	need.Nginx(t)
	arguments := append(onPostgres(need.Postgres(t)), "--bus", "postgres", "--signup", "open", "--trusted-proxies", "127.0.0.1/32", "--limits", "off")
	instances := []*process{serve(t, arguments...), serve(t, arguments...)}
	front := balanced(t, instances...)
	tr := newTraffic(t, front.person(t, newPerson(t, instances[0])))
	tr.posters(front.URL)
	tr.read(front.URL, 3)
	tr.more(20)
	for _, p := range instances {
		if code := p.Terminate(); code != 0 {
			t.Errorf("a drained instance ends with %d", code)
		}
		p.Restart()
		tr.more(50)
	}
	tr.finish()

	retries, asked := make(map[time.Duration]bool), 0
	for _, r := range tr.readers {
		// The Go client's reader keeps no count of the ends.
		if r.opened > 1+len(instances) || r.retries != nil && r.opened != 1+r.shutdowns {
			t.Errorf("%s opened %d streams, of which %d were ended by a drain", r.name, r.opened, r.shutdowns)
		}
		for _, retry := range r.retries {
			retries[retry] = true
			asked++
		}
	}
	if asked == 0 || len(retries) < asked/2 {
		t.Errorf("%d readers were asked to come back after %d different times", asked, len(retries))
	}
}

// restless is a reader that breaks off after some events.
type restless struct {
	url, token, held string
	// seq is that of the last message it was given.
	seq int64
}

// readAll reads until n messages have come, each with the seq behind the last.
func (r *restless) readAll(ctx context.Context, n int64) error {
	ctx, cancel := context.WithTimeout(ctx, 2*patience)
	defer cancel()
	for last := r.seq + n; r.seq < last; {
		f, err := openFeed(ctx, r.url, r.token, r.held)
		if errors.Is(err, errTryAgain) {
			continue // fifty that come back at once may be more than a small machine takes
		}
		if err != nil {
			return err
		}
		err = r.read(f, rand.IntN(40), last)
		f.close()
		if err != nil {
			return err
		}
	}
	return nil
}

// read takes some messages off a stream.
func (r *restless) read(f *feed, some int, last int64) error {
	for ; some > 0 && r.seq < last; some-- {
		b, err := f.next()
		if err != nil {
			return err
		}
		r.held = f.held
		if !b.HasData || b.Name != "" {
			continue
		}
		var m chat.Message
		if err := json.Unmarshal([]byte(b.Data), &m); err != nil {
			return err
		}
		if m.Seq != r.seq+1 {
			return fmt.Errorf("seq %d came after %d", m.Seq, r.seq)
		}
		r.seq = m.Seq
	}
	return nil
}
