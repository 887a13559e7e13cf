package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

const (
	// wideChats is how many chats an account may have.
	wideChats = 1000
	// wideStreams is how many streams over all of them are open, and wideClients how
	// many clients open and close one more, again and again.
	wideStreams = 100
	wideClients = 4
)

// wideStreaming is an account with many chats that opens streams over all of them,
// beside strangers that post and open streams of one chat.
func (f *systems) wideStreaming(scale scale) *scenario {
	holds := scale.neighbourhood(wideChats)
	measure := func(path string) measuring {
		return func(ctx context.Context, on system) (figures, latencies, error) {
			f, err := measureWide(ctx, on, holds, scale, path)
			return f, nil, err
		}
	}
	ordinary := "/chats/" + chatID(holds.ownChat(1, 1)) + "/stream"
	return &scenario{
		name: fmt.Sprintf("%d clients opening streams over %d chats", wideClients, holds.each),
		entries: slices.Concat(
			entries(f.parley, scale.contentionLasts()+2*time.Second, measure("/stream"), targetsOf(posts, openings)...),
			instead("of one chat", entries(f.parley, scale.contentionLasts()+2*time.Second, measure(ordinary)))),
	}
}

func measureWide(ctx context.Context, on system, holds seed, scale scale, path string) (f figures, err error) {
	n, err := newNeighbourhood(ctx, on, holds, 0)
	defer func() { err = errors.Join(err, n.close()) }()
	if err != nil {
		return f, err
	}
	memory, close, err := n.memoryOfStreams(ctx, path, wideStreams/scale.fewer)
	defer func() { err = errors.Join(err, close()) }()
	if err != nil {
		return f, err
	}
	opening := stranger{contender{scale.strangersLoad(), n.stranger.open("/chats/" + chatID(2) + "/stream")}, openings}
	f, err = contend(ctx, contender{scale.heavyLoad(wideClients), n.heavy.open(path)}, n.posting(scale), opening)
	f[streamMemory] = memory
	return f, err
}

// listers are so many clients that ask for a list at once.
const listers = 32

// listing is an account with many chats that asks for its list of them from many
// clients at once, beside strangers that post and read their own account.
func (f *systems) listing(scale scale, chats int) *scenario {
	holds := scale.neighbourhood(chats)
	measure := func(path string) measuring {
		return func(ctx context.Context, on system) (figures, latencies, error) {
			f, err := measureListing(ctx, on, holds, scale, path)
			return f, nil, err
		}
	}
	return &scenario{
		name: fmt.Sprintf("%d clients asking for a list of %d chats", listers, holds.each),
		entries: slices.Concat(
			entries(f.parley, scale.contentionLasts(), measure("/chats?limit=500"), targetsOf(posts, accounts)...),
			instead("asking for /me", entries(f.parley, scale.contentionLasts(), measure("/me")))),
	}
}

func measureListing(ctx context.Context, on system, holds seed, scale scale, path string) (f figures, err error) {
	n, err := newNeighbourhood(ctx, on, holds, listers)
	defer func() { err = errors.Join(err, n.close()) }()
	if err != nil {
		return f, err
	}
	me, err := n.instance.session(ctx, username(2), strangersClients)
	defer me.close()
	if err != nil {
		return f, err
	}
	asking := stranger{contender{scale.strangersLoad(), me.get("/me")}, accounts}
	return contend(ctx, contender{scale.heavyLoad(listers), n.heavy.get(path)}, n.posting(scale), asking)
}

// instead names entries in which the heavy user sends ordinary requests as fast as it can.
// They show which part of a slowdown comes from the processors alone.
func instead(what string, all []entry) []entry {
	for i := range all {
		all[i].name += ", " + what + " instead"
	}
	return all
}

// neighbourhood is a server with a stranger and a heavy user, which is an account with
// many chats.
type neighbourhood struct {
	instance        *instance
	heavy, stranger *session
}

// neighbourhood is what the database of one holds, whose account has so many chats.
func (s scale) neighbourhood(chats int) seed {
	return seed{people: 2, chats: 10, messages: s.messagesOf(10), accounts: 1, each: chats / s.fewer}
}

func newNeighbourhood(ctx context.Context, on system, holds seed, heavyConnections int) (n *neighbourhood, err error) {
	n = &neighbourhood{}
	if n.instance, err = on.start(ctx, holds); err != nil {
		return n, err
	}
	if n.heavy, err = n.instance.session(ctx, account(1), heavyConnections); err != nil {
		return n, err
	}
	n.stranger, err = n.instance.session(ctx, username(1), strangersClients)
	return n, err
}

func (n *neighbourhood) posting(scale scale) stranger {
	return stranger{contender{scale.strangersLoad(), n.stranger.post}, posts}
}

func (n *neighbourhood) close() error {
	n.heavy.close()
	n.stranger.close()
	return n.instance.stop()
}

// memoryOfStreams opens streams of the heavy user's and returns what each of them takes of
// the server's memory.
func (n *neighbourhood) memoryOfStreams(ctx context.Context, path string, streams int) (each float64, close func() error, err error) {
	var open []*httpConn
	close = func() (err error) {
		for _, w := range open {
			err = errors.Join(err, w.reset())
		}
		return err
	}
	var before float64
	for i := range streams + 1 {
		// What the server needs once, it has after the first.
		if i == 1 {
			if before, err = n.instance.memory(); err != nil {
				return 0, close, err
			}
		}
		w, err := n.heavy.follow(ctx, path, "now")
		if w != nil {
			open = append(open, w)
		}
		if err != nil {
			return math.NaN(), close, err
		}
	}
	after, err := n.instance.memory()
	return (after - before) / float64(streams), close, err
}
