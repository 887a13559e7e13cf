package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"parley/server"
)

// onTheirWay is how many messages may be acknowledged and not yet seen where they
// are posted as fast as possible: a service that is asked for more has no end to
// its memory.
const onTheirWay = 1000

// asFastAsPossible is the pace of posters that post again once they are acknowledged.
var asFastAsPossible = pace{onTheirWay: onTheirWay}

// systems are all servers that are compared.
type systems struct {
	// parley is parley on each database; portable is parley with a goroutine for each
	// stream, on the first.
	parley   []system
	portable system
	rivals   []system
}

// newSystems makes the servers, whose files go into a folder, and tells doing which
// cannot be had. only, where it is not empty, is the one rival that is kept.
func newSystems(engines []*engine, passwordHash, folder, only string, doing io.Writer) (*systems, error) {
	f := &systems{rivals: []system{rival("limit"), rival("r3labs")}}
	if program := missingForSocketIO(); program == "" {
		f.rivals = append(f.rivals, socketIO(folder))
	} else if _, err := fmt.Fprintf(doing, "socketio is left out: %s is missing\n", program); err != nil {
		return nil, err
	}
	for _, e := range engines {
		f.parley = append(f.parley, parleyOn(e, passwordHash, "parley/"+e.name, server.Settings{}))
	}
	f.portable = parleyOn(engines[0], passwordHash, "parley/"+engines[0].name+"/portable", server.Settings{Streams: "portable"})
	if only == "" {
		return f, nil
	}
	var names []string
	for _, c := range f.rivals {
		names = append(names, c.name)
	}
	f.rivals = slices.DeleteFunc(f.rivals, func(c system) bool { return c.name != only })
	if len(f.rivals) == 0 {
		return nil, fmt.Errorf("-rival %s: there are %s", only, strings.Join(names, ", "))
	}
	return f, nil
}

// measuring is a way to measure a system once.
type measuring func(ctx context.Context, on system) (figures, latencies, error)

// entries lets systems be measured, which have these targets.
func entries(systems []system, lasts time.Duration, measure measuring, all ...target) (entries []entry) {
	for _, on := range systems {
		entries = append(entries, entry{
			name: on.name, rival: !on.ours, lasts: lasts, targets: all,
			measure: func(ctx context.Context) (figures, latencies, error) { return measure(ctx, on) },
		})
	}
	return entries
}

// streams are the sections about carrying messages to readers. Pictures go
// into a folder, if there is one.
func streams(f *systems, scale scale, pictures string) (sections []section) {
	for _, s := range []*scenario{
		f.idle(scale), f.oneChat(scale), f.overrun(scale), f.smallChat(scale), f.manyChats(scale), f.steady(scale),
		f.openings(scale), f.reconnectAll(scale), f.stall(scale), f.growth(scale, pictures != ""),
	} {
		s.part = "Streams"
		sections = append(sections, s.section(scale.turnsStreams, pictures))
	}
	return sections
}

// workload is so much at the scale.
func (s scale) workload(chats, readers int, p pace) workload {
	chats = max(chats/s.fewer, 1)
	return workload{chats: chats, messages: s.messagesOf(chats), readers: readers / s.fewer, posters: clients, pace: p,
		warm: s.warmStreams, time: s.timeStreams}
}

// clients is how many post at once: enough for batches to gather.
const clients = 64

// idle is streams on which nothing happens.
func (f *systems) idle(scale scale) *scenario {
	c := scale.workload(1500, 15_000, pace{})
	parley := entries(f.parley[:1], c.lasts(), c.idle, atMost(2<<10, streamMemory))
	portable := entries([]system{f.portable}, c.lasts(), c.idle, atMost(30<<10, streamMemory))
	return &scenario{
		name:    fmt.Sprintf("%d idle ones of %d chats", c.readers, c.chats),
		entries: slices.Concat(parley, portable, entries(f.rivals, c.lasts(), c.idle)),
	}
}

// oneChat is one chat that many follow.
func (f *systems) oneChat(scale scale) *scenario {
	c := scale.workload(1, 1000, asFastAsPossible)
	return &scenario{
		name: fmt.Sprintf("1 chat, %d readers, posting as fast as possible", c.readers),
		entries: slices.Concat(entries(f.parley, c.lasts(), c.fanOut,
			timesThat(3, deliveryRate, "r3labs"), timesThat(2, deliveryRate, "limit"), atMost(1000, serverTime), nothingWrong),
			entries(f.rivals, c.lasts(), c.fanOut)),
		baseline: "r3labs",
		pictures: spreadOf("latency-busy.svg", fmt.Sprintf("%d readers of one chat, posting as fast as possible", c.readers)),
	}
}

// smallChat is one chat that not so many follow.
func (f *systems) smallChat(scale scale) *scenario {
	c := scale.workload(1, 100, asFastAsPossible)
	return &scenario{
		name: fmt.Sprintf("1 chat, %d readers, posting as fast as possible", c.readers),
		entries: slices.Concat(entries(f.parley, c.lasts(), c.fanOut, timesThat(2.5, deliveryRate, "r3labs"), nothingWrong),
			entries(f.rivals, c.lasts(), c.fanOut)),
		baseline: "r3labs",
	}
}

// manyChats is many chats that few follow.
func (f *systems) manyChats(scale scale) *scenario {
	c := scale.workload(1000, 10_000, asFastAsPossible)
	return &scenario{
		name: fmt.Sprintf("%d chats, 10 readers each, posting as fast as possible", c.chats),
		entries: slices.Concat(entries(f.parley, c.lasts(), c.fanOut, timesThat(1, deliveryRate, "r3labs"),
			atMostTimes(2, latencyHalf, "r3labs"), nothingWrong),
			entries(f.rivals, c.lasts(), c.fanOut)),
		baseline: "r3labs",
	}
}

// steady is what a message takes at a low rate. A commit is what a post
// takes to be acknowledged.
func (f *systems) steady(scale scale) *scenario {
	c := scale.workload(1, 1000, pace{rate: 20})
	return &scenario{
		name: fmt.Sprintf("1 chat, %d readers, 20 messages/s", c.readers),
		entries: slices.Concat(entries(f.parley, c.lasts(), c.fanOut,
			below(1, "p99 ≤ 1.5 times that of limit, and one commit", latencyMost, func(own figures, of func(string) figures) float64 {
				return 1.5*of("limit")[latencyMost] + own[acknowledged]
			}), nothingWrong),
			entries(f.rivals, c.lasts(), c.fanOut)),
		baseline: "r3labs",
		pictures: spreadOf("latency.svg", fmt.Sprintf("%d readers of one chat, 20 messages/s", c.readers)),
	}
}
