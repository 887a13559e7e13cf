package load

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"parley/e2e/chaos/history"
)

// Say posts one message of the first user, with a key or without, and returns its id once it
// is known what became of it; 0 where that is not known.
func (w *World) Say(r *rand.Rand, keyed bool) int64 {
	p := w.saying(keyed)
	w.see(r, w.users[0].token, &p, w.bases)
	w.Record.Post(p)
	return p.Tries[len(p.Tries)-1].Answer.ID
}

// SayAt posts one message of the first user at one address, again and again until it is taken,
// and returns its id; 0 where ctx ends before.
func (w *World) SayAt(ctx context.Context, addr string) int64 {
	p := w.saying(true)
	for {
		p.Tries = append(p.Tries, w.try(ctx, "http://"+addr, w.users[0].token, &p, nil))
		if w.known(p.Tries) || !pause(ctx, 20*time.Millisecond) {
			break
		}
	}
	w.Record.Post(p)
	return p.Tries[len(p.Tries)-1].Answer.ID
}

// saying is a message of the first user that is yet to be posted.
func (w *World) saying(keyed bool) history.Post {
	u, n := w.users[0], w.said.Add(1)
	p := history.Post{Author: u.name, Session: u.session, Chat: w.chats[0], Text: fmt.Sprintf("said %d", n)}
	if keyed {
		p.Key = fmt.Sprintf("said-%d", n)
	}
	return p
}

// Retitle changes a chat, whereupon an instance remembers of no author that it may post.
func (w *World) Retitle(ctx context.Context, title string) {
	w.call(ctx, w.bases[0], "PATCH", "/chats/"+w.chats[0], w.users[0].token, map[string]any{"title": title}, nil)
}

// Reached waits until every follower has come to a position, and says whether all have.
func (w *World) Reached(ctx context.Context, pos int64, within time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for {
		all := true
		w.mu.Lock()
		for _, f := range w.followers {
			f.mu.Lock()
			all = all && f.cursor >= pos
			f.mu.Unlock()
		}
		w.mu.Unlock()
		if all || !pause(ctx, 20*time.Millisecond) {
			return all
		}
	}
}

// Through follows by way of an address, behind a cursor, until the reader has come to a
// position.
func (w *World) Through(ctx context.Context, kind Kind, name, addr string, cursor, until int64) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	f := w.newFollower(kind, name, w.users[1], w.chats[0])
	f.cursor, f.until, f.reached = cursor, until, cancel
	f.bases = []string{"http://" + addr}
	switch kind {
	case Client:
		f.runClient(ctx, f.signIn(ctx))
	case Bare:
		for ctx.Err() == nil {
			f.connectBare(ctx, f.bases[0])
		}
	default:
		f.run(ctx, w.rand(int(cursor)))
	}
	if f.cursor < until {
		return fmt.Errorf("%s came to %d and not to %d within %s", name, f.cursor, until, patience)
	}
	return nil
}

const patience = time.Minute
