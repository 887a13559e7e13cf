// Package load is the clients of a run: they sign up, post with keys until they know what
// became of each post, follow, reconnect, join, leave, are removed and log out, and record all
// of it.
package load

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"parley/e2e/chaos/history"
)

// Options say how the clients behave. Probabilities are 0 to 1.
type Options struct {
	Seed uint64
	// Chats and Posters are how many there are; Pause lies between a poster's posts.
	Chats, Posters int
	Pause          time.Duration
	// Size is how long texts are, at least.
	Size int
	// Keyless posts have no key, Hedged ones are sent to two instances at once, Forged ones
	// name somebody else as their author, HungUp ones are left by the client before the answer.
	Keyless, Hedged, Forged, HungUp float64
	// Churn lies between two changes of a membership, Logouts between two sessions that end;
	// 0 is never.
	Churn, Logouts time.Duration
	// Edits lies between two edits of messages; 0 is never.
	Edits time.Duration
	// Readers are how many followers there are of each kind.
	Readers map[Kind]int
	// Skewed says that the clocks of instances differ for a while, and the one may take a token
	// of the other for none: then an answer 401 is none in a session that goes on.
	Skewed bool
	// Life is how long a connection of a follower lasts, at the most.
	Life time.Duration
}

// World is the clients of one run.
type World struct {
	Options
	Record *history.Recorder
	bases  []string // where instances are, as clients know them

	users     []*user // the first owns every chat; the last two come and go
	chats     []string
	http      *http.Client
	streams   *http.Transport
	narrow    *http.Transport // its connections take in little at once
	working   sync.WaitGroup  // posters and those who change things
	following sync.WaitGroup
	posted    atomic.Int64
	said      atomic.Int64
	stop      context.CancelFunc // of working
	leave     context.CancelFunc // of following
	calm      atomic.Bool        // followers stay where they are
	final     map[string]int64   // the last message of each chat

	mu        sync.Mutex
	tokens    []string // of every login
	followers []*follower
	messages  []*said   // the newest that can be edited
	giveUp    time.Time // when unknown outcomes are not asked after any more
}

// user is one who is signed in.
type user struct{ name, token, session string }

const password = "correct horse battery"

// coming is how many users come and go; the others are in every chat throughout.
const coming, staying = 2, 4

// New signs users up at the first of the addresses, and makes chats.
func New(ctx context.Context, o Options, addrs ...string) (*World, error) {
	w := &World{
		Options: o, Record: history.NewRecorder(), final: make(map[string]int64),
		http: &http.Client{Timeout: 6 * time.Second, Transport: &http.Transport{
			MaxIdleConnsPerHost: 64, DialContext: (&net.Dialer{Timeout: 2 * time.Second}).DialContext}},
		streams: &http.Transport{DisableKeepAlives: true, DialContext: (&net.Dialer{Timeout: 2 * time.Second}).DialContext},
		narrow:  &http.Transport{DisableKeepAlives: true, DialContext: dialNarrow},
	}
	for _, addr := range addrs {
		w.bases = append(w.bases, "http://"+addr)
	}
	for i := range staying + coming {
		u, err := w.signUp(ctx, fmt.Sprintf("user-%d", i))
		if err != nil {
			return nil, err
		}
		w.users = append(w.users, u)
	}
	for i := range o.Chats {
		if err := w.makeChat(ctx, fmt.Sprintf("chat-%d", i)); err != nil {
			return nil, err
		}
	}
	return w, nil
}

func dialNarrow(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := (&net.Dialer{Timeout: 2 * time.Second}).DialContext(ctx, network, addr)
	if err == nil {
		err = conn.(*net.TCPConn).SetReadBuffer(64 << 10)
	}
	return conn, err
}

func (w *World) signUp(ctx context.Context, name string) (*user, error) {
	body := map[string]any{"username": name, "password": password}
	if err := w.must(ctx, "POST", "/users", "", body, nil); err != nil {
		return nil, err
	}
	for until := time.Now().Add(time.Minute); ; {
		u, err := w.logIn(ctx, w.bases[0], name)
		if err == nil || time.Now().After(until) || ctx.Err() != nil {
			return u, err
		}
		pause(ctx, 200*time.Millisecond)
	}
}

func (w *World) makeChat(ctx context.Context, id string) error {
	owner := w.users[0]
	if err := w.must(ctx, "POST", "/chats", owner.token, map[string]any{"id": id}, nil); err != nil {
		return err
	}
	w.chats = append(w.chats, id)
	for _, u := range w.users[1:] {
		if err := w.must(ctx, "PUT", "/chats/"+id+"/members/"+u.name, owner.token, struct{}{}, nil); err != nil {
			return err
		}
	}
	return nil
}

// Start lets everybody begin.
func (w *World) Start(ctx context.Context) {
	working, stop := context.WithCancel(ctx)
	following, leave := context.WithCancel(ctx)
	w.stop, w.leave = stop, leave
	for i := range w.Posters {
		w.working.Go(func() { w.post(working, w.rand(100+i)) })
	}
	if w.Churn > 0 {
		w.working.Go(func() { w.churn(working, w.rand(1)) })
	}
	if w.Logouts > 0 {
		w.working.Go(func() { w.logouts(working, w.rand(2)) })
	}
	if w.Edits > 0 {
		w.working.Go(func() { w.edit(working, w.rand(4)) })
	}
	n := 0
	for _, kind := range kinds {
		for range w.Readers[kind] {
			n++
			w.follow(following, kind, n)
		}
	}
}

// rand is one goroutine's source of chance.
func (w *World) rand(n int) *rand.Rand { return rand.New(rand.NewPCG(w.Seed, uint64(n))) }

// Posted is how many posts were acknowledged so far.
func (w *World) Posted() int64 { return w.posted.Load() }

// Finish ends the work, once all faults are over: what is unknown is asked after until it is
// known, a last message is posted to each chat, and the followers are given the time to see it.
// It returns what kept the service from coming back.
func (w *World) Finish(ctx context.Context, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	w.calm.Store(true)
	w.mu.Lock()
	w.giveUp = time.Now().Add(patience)
	w.mu.Unlock()
	w.stop()
	w.working.Wait()
	err := w.lastWords(ctx)
	if err == nil {
		err = w.settle(ctx)
	}
	w.leave()
	w.following.Wait()
	w.http.CloseIdleConnections()
	w.streams.CloseIdleConnections()
	return err
}

// lastWords posts the last message of each chat.
func (w *World) lastWords(ctx context.Context) error {
	r := w.rand(3)
	for _, id := range w.chats {
		p := history.Post{Author: w.users[0].name, Session: w.users[0].session, Chat: id, Text: "the last word in " + id, Key: "last-" + id}
		for {
			t := w.try(ctx, w.base(r), w.users[0].token, &p, nil)
			p.Tries = append(p.Tries, t)
			if t.Status == 200 || t.Status == 201 {
				w.final[id] = t.Answer.ID
				break
			}
			if !pause(ctx, 50*time.Millisecond) {
				w.Record.Post(p)
				return fmt.Errorf("the last word in %s was not taken: status %d", id, t.Status)
			}
		}
		w.Record.Post(p)
	}
	return nil
}

// settle waits until every follower has come to the end. One that does not is the checker's
// to complain of, if it is connected; one that cannot connect is an error.
func (w *World) settle(ctx context.Context) error {
	for {
		var late []error
		w.mu.Lock()
		for _, f := range w.followers {
			late = append(late, f.late(w.final))
		}
		w.mu.Unlock()
		if errors.Join(late...) == nil {
			return nil
		}
		if !pause(ctx, 20*time.Millisecond) {
			return errors.Join(late...)
		}
	}
}

func (w *World) base(r *rand.Rand) string { return one(r, w.bases) }

func one(r *rand.Rand, bases []string) string { return bases[r.IntN(len(bases))] }

// pause waits, and says whether ctx goes on.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
