package load

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"parley/e2e/chaos/history"
)

// churn adds and removes those who come and go.
func (w *World) churn(ctx context.Context, r *rand.Rand) {
	for pause(ctx, time.Duration(r.Int64N(int64(2*w.Churn)))) {
		u := w.users[staying+r.IntN(coming)]
		c := history.Change{Kind: history.Left, Username: u.name, Chat: w.chats[r.IntN(len(w.chats))]}
		method, by := "DELETE", w.users[0]
		switch r.IntN(4) {
		case 0, 1:
			c.Kind, method = history.Joined, "PUT"
		case 2:
			by = u // leaves by itself
		}
		c.Start = w.Record.Since()
		c.Status, _ = w.call(ctx, w.base(r), method, "/chats/"+c.Chat+"/members/"+u.name, by.token, struct{}{}, nil)
		c.End = w.Record.Since()
		w.Record.Change(c)
	}
}

// logouts begins sessions, posts and follows in them, and ends them elsewhere.
func (w *World) logouts(ctx context.Context, r *rand.Rand) {
	for n := 0; pause(ctx, time.Duration(r.Int64N(int64(2*w.Logouts)))); n++ {
		u, err := w.logIn(ctx, w.base(r), w.users[1+r.IntN(staying-1)].name)
		if err != nil {
			continue
		}
		w.session(ctx, r, u, n)
	}
}

// session follows and posts in a session while it is ended.
func (w *World) session(ctx context.Context, r *rand.Rand, u *user, n int) {
	within, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	f := w.newFollower(kinds[r.IntN(2)], fmt.Sprintf("session-%d", n), u, w.chats[r.IntN(len(w.chats))])
	f.cursor, f.stays = history.Now, true
	done := make(chan struct{})
	go func() { defer close(done); f.run(within, w.rand(100_000+n)) }()
	posting := make(chan struct{})
	go func() {
		defer close(posting)
		for i := 0; ; i++ {
			p := history.Post{Author: u.name, Session: u.session, Chat: w.chats[r.IntN(len(w.chats))], Text: fmt.Sprintf("session %s, %d", u.session, i)}
			p.Tries = append(p.Tries, w.try(within, w.bases[i%len(w.bases)], u.token, &p, nil))
			w.Record.Post(p)
			if p.Tries[0].Status == 401 || !pause(within, 2*time.Millisecond) {
				return
			}
		}
	}()
	pause(within, time.Duration(20+n%5*20)*time.Millisecond)
	for ended := false; !ended && within.Err() == nil; {
		c := history.Change{Kind: history.LoggedOut, Username: u.name, Session: u.session, Start: w.Record.Since()}
		c.Status, _ = w.call(within, w.bases[n%len(w.bases)], "POST", "/logout", u.token, nil, nil)
		c.End = w.Record.Since()
		w.Record.Change(c)
		if ended = c.Status == 204; !ended {
			pause(within, 50*time.Millisecond)
		}
	}
	<-posting
	<-done
}
