//go:build linux

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"parley/e2e/chaos/load"
	"parley/e2e/chaos/wire"
)

// A cut comes at one exact byte. What is cut is measured first, then cut at each offset, or,
// where there are to be fewer cuts, at offsets spread over it.

// stride is the distance between n cuts of a length.
func stride(length int64, n int) int64 { return max(1, (length+1)/int64(n)) }

// quietly is a workload of readers alone: what is posted is posted by the cut itself.
func quietly(seed uint64) load.Options {
	return load.Options{Seed: seed, Chats: 1, Pause: time.Second, Readers: map[load.Kind]int{load.All: 1, load.Chat: 1}}
}

// situation is a transaction of a post.
type situation struct {
	name string
	// fresh says that an instance remembers nothing of the author, so that the transaction is
	// two messages and not one; posts is how many are in it.
	fresh bool
	posts int
	keyed bool
}

var situations = []situation{
	{"two messages", true, 1, true},
	{"one message", false, 1, true},
	{"two messages, no key", true, 1, false},
	{"one message, no key", false, 1, false},
	{"a batch of two messages", true, 4, true},
}

// cutDatabase cuts the connection to the database after bytes that the server sends in a
// transaction of posts.
func cutDatabase(ctx context.Context, e *env, n int, seed uint64) (outcome, error) {
	f := fault{name: "cut", instances: 1}
	return e.judged(ctx, f, quietly(seed), seed, func(in *injection) (cuts int, err error) {
		for _, s := range situations {
			length := in.cut(s, 1<<40)
			step := stride(length, max(1, n/len(situations)))
			for after := int64(seed) % step; after <= length && in.ctx.Err() == nil; after += step {
				in.cut(s, after)
				cuts++
			}
		}
		return cuts, in.ctx.Err()
	})
}

// cut posts once while the connection is cut after so many bytes, and returns how many there
// were.
func (in *injection) cut(s situation, after int64) int64 {
	in.world.Say(in.r, true) // so that the connection is there
	if s.fresh {
		in.world.Retitle(in.ctx, fmt.Sprintf("cut after %d", after))
	}
	cut := wire.NewCut(wire.Down, after, "BEGIN ISOLATION")
	in.plant.back[0].Arm(cut)
	var posting sync.WaitGroup
	for range s.posts {
		r := rand.New(rand.NewPCG(in.r.Uint64(), 0))
		posting.Go(func() { in.world.Say(r, s.keyed) })
	}
	posting.Wait()
	in.plant.back[0].Arm(nil)
	return in.plant.back[0].Passed(cut)
}

// cutClient cuts a reader's connection after bytes of a replay.
func cutClient(kind load.Kind) func(context.Context, *env, int, uint64) (outcome, error) {
	return func(ctx context.Context, e *env, n int, seed uint64) (outcome, error) {
		return e.judged(ctx, fault{name: "cut"}, quietly(seed), seed, func(in *injection) (cuts int, err error) {
			cursor := in.world.Say(in.r, true)
			for range 2 {
				in.world.Say(in.r, true)
			}
			until := in.world.Say(in.r, true)
			length, err := in.cutReader(kind, cursor, until, 1<<40)
			if err != nil {
				return 0, err
			}
			step := stride(length, n)
			sem := make(chan struct{}, 32)
			failed := make(chan error, n+int(length))
			var reading sync.WaitGroup
			for after := int64(seed) % step; after <= length; after += step {
				cuts++
				sem <- struct{}{}
				reading.Go(func() {
					defer func() { <-sem }()
					_, err := in.cutReader(kind, cursor, until, after)
					failed <- err
				})
			}
			reading.Wait()
			close(failed)
			for err := range failed {
				if err != nil {
					return cuts, err
				}
			}
			return cuts, nil
		})
	}
}

// cutReader follows through a proxy that cuts the first stream after so many bytes, and
// returns how many there were.
func (in *injection) cutReader(kind load.Kind, cursor, until, after int64) (int64, error) {
	proxy, err := wire.New(in.plant.instances[0].Addr)
	if err != nil {
		return 0, err
	}
	defer proxy.Close()
	cut := wire.NewCut(wire.Down, after, "stream HTTP/1.1")
	proxy.Arm(cut)
	err = in.world.Through(in.ctx, kind, fmt.Sprintf("cut %s at %d", kind, after), proxy.Addr(), cursor, until)
	return proxy.Passed(cut), err
}
