package load

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"parley/e2e/chaos/history"
)

// post posts until ctx ends.
func (w *World) post(ctx context.Context, r *rand.Rand) {
	me := r.Uint32()
	for n := 0; pause(ctx, time.Duration(r.Int64N(int64(2*w.Pause)+1))); n++ {
		i := r.IntN(len(w.users))
		u := w.users[i]
		p := history.Post{
			Author: u.name, Session: u.session, Chat: w.chats[r.IntN(len(w.chats))],
			Text: fmt.Sprintf("%08x-%d of %s", me, n, u.name),
		}
		p.Text += strings.Repeat(".", max(0, w.Size-len(p.Text)))
		if r.Float64() >= w.Keyless {
			p.Key = fmt.Sprintf("%08x-%d", me, n)
		}
		w.see(r, u.token, &p, w.bases)
		if i < staying {
			w.remember(&p, u)
		}
		w.Record.Post(p)
	}
}

// see sends a post until it is known what became of it; without a key, once.
func (w *World) see(r *rand.Rand, token string, p *history.Post, bases []string) {
	if r.Float64() < w.Forged {
		p.Tries = append(p.Tries, w.try(context.Background(), one(r, bases), token, p, w.users[r.IntN(len(w.users))].name))
		return
	}
	if p.Key != "" && r.Float64() < w.Hedged {
		w.hedge(r, token, p)
	}
	for len(p.Tries) == 0 || p.Key != "" && !w.known(p.Tries) && !w.givenUp() {
		ctx, cancel := context.WithCancel(context.Background())
		if len(p.Tries) == 0 && r.Float64() < w.HungUp {
			time.AfterFunc(time.Duration(r.Int64N(int64(8*time.Millisecond))), cancel)
		}
		p.Tries = append(p.Tries, w.try(ctx, one(r, bases), token, p, nil))
		cancel()
		if !w.known(p.Tries) {
			time.Sleep(time.Duration(5+r.IntN(100)) * time.Millisecond)
		}
	}
}

// known says that the last request was answered for good.
func (w *World) known(tries []history.Try) bool {
	return w.answered(tries[len(tries)-1].Status)
}

// hedge sends a post several times at once.
func (w *World) hedge(r *rand.Rand, token string, p *history.Post) {
	tries := make([]history.Try, 3)
	var sending sync.WaitGroup
	for i := range tries {
		base := w.bases[i%len(w.bases)]
		sending.Go(func() { tries[i] = w.try(context.Background(), base, token, p, nil) })
	}
	sending.Wait()
	p.Tries = append(p.Tries, tries...)
}

func (w *World) givenUp() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.giveUp.IsZero() && time.Now().After(w.giveUp)
}
