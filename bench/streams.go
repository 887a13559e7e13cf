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

// asFastAsPossible is the pace of who posts as soon as it was acknowledged.
var asFastAsPossible = pace{onTheirWay: onTheirWay}

// field is all servers that are compared.
type field struct {
	// fast are parley on each database; portable is parley with a goroutine for each
	// stream, on the first.
	fast     []carrier
	portable carrier
	rivals   []carrier
}

// newField makes the servers, whose files go into a folder, and tells doing which
// cannot be had. only, where it is not empty, is the one rival that is kept.
func newField(engines []*engine, passwordHash, folder, only string, doing io.Writer) (*field, error) {
	f := &field{rivals: []carrier{rival("limit"), rival("r3labs")}}
	if program := missingForSocketIO(); program == "" {
		f.rivals = append(f.rivals, socketIO(folder))
	} else if _, err := fmt.Fprintf(doing, "socketio is left out: %s is missing\n", program); err != nil {
		return nil, err
	}
	for _, e := range engines {
		f.fast = append(f.fast, ours(e, passwordHash, "parley/"+e.name, server.Settings{}))
	}
	f.portable = ours(engines[0], passwordHash, "parley/"+engines[0].name+"/portable", server.Settings{Streams: "portable"})
	if only == "" {
		return f, nil
	}
	var names []string
	for _, c := range f.rivals {
		names = append(names, c.name)
	}
	f.rivals = slices.DeleteFunc(f.rivals, func(c carrier) bool { return c.name != only })
	if len(f.rivals) == 0 {
		return nil, fmt.Errorf("-rival %s: there are %s", only, strings.Join(names, ", "))
	}
	return f, nil
}

// measuring is a way to measure a carrier once.
type measuring func(ctx context.Context, by carrier) (figures, latencies, error)

// entries lets carriers be measured, of whom this is wanted.
func entries(carriers []carrier, lasts time.Duration, measure measuring, all ...wanted) (entries []entry) {
	for _, by := range carriers {
		entries = append(entries, entry{
			name: by.name, rival: !by.ours, lasts: lasts, wanted: all,
			measure: func(ctx context.Context) (figures, latencies, error) { return measure(ctx, by) },
		})
	}
	return entries
}

// streams are the sections about carrying messages to those who follow. Pictures go
// into a folder, if there is one.
func streams(f *field, scale scale, pictures string) (sections []section) {
	for _, s := range []*scenario{
		f.idle(scale), f.oneChat(scale), f.overrun(scale), f.smallChat(scale), f.manyChats(scale), f.calm(scale),
		f.openings(scale), f.comeBack(scale), f.stall(scale), f.growth(scale, pictures != ""),
	} {
		s.part = "Streams"
		sections = append(sections, s.section(scale.turnsStreams, pictures))
	}
	return sections
}

// carriage is so much at the scale.
func (s scale) carriage(chats, readers int, p pace) carriage {
	chats = max(chats/s.fewer, 1)
	return carriage{chats: chats, messages: s.messagesOf(chats), readers: readers / s.fewer, posters: clients, pace: p,
		warm: s.warmStreams, time: s.timeStreams}
}

// clients is how many post at once: enough for batches to gather.
const clients = 64

// idle is streams on which nothing happens.
func (f *field) idle(scale scale) *scenario {
	c := scale.carriage(1500, 15_000, pace{})
	fast := entries(f.fast[:1], c.lasts(), c.rest, atMost(2<<10, streamMemory))
	portable := entries([]carrier{f.portable}, c.lasts(), c.rest, atMost(30<<10, streamMemory))
	return &scenario{
		name:    fmt.Sprintf("%d idle ones of %d chats", c.readers, c.chats),
		entries: slices.Concat(fast, portable, entries(f.rivals, c.lasts(), c.rest)),
	}
}

// oneChat is one chat that many follow.
func (f *field) oneChat(scale scale) *scenario {
	c := scale.carriage(1, 1000, asFastAsPossible)
	return &scenario{
		name: fmt.Sprintf("1 chat, %d readers, posting as fast as possible", c.readers),
		entries: slices.Concat(entries(f.fast, c.lasts(), c.carry,
			timesThat(3, deliveryRate, "r3labs"), timesThat(2, deliveryRate, "limit"), atMost(1000, serverTime), nothingWrong),
			entries(f.rivals, c.lasts(), c.carry)),
		baseline: "r3labs",
		pictures: spreadOf("latency-busy.svg", fmt.Sprintf("%d readers of one chat, posting as fast as possible", c.readers)),
	}
}

// smallChat is one chat that not so many follow.
func (f *field) smallChat(scale scale) *scenario {
	c := scale.carriage(1, 100, asFastAsPossible)
	return &scenario{
		name: fmt.Sprintf("1 chat, %d readers, posting as fast as possible", c.readers),
		entries: slices.Concat(entries(f.fast, c.lasts(), c.carry, timesThat(2.5, deliveryRate, "r3labs"), nothingWrong),
			entries(f.rivals, c.lasts(), c.carry)),
		baseline: "r3labs",
	}
}

// manyChats is many chats that few follow.
func (f *field) manyChats(scale scale) *scenario {
	c := scale.carriage(1000, 10_000, asFastAsPossible)
	return &scenario{
		name: fmt.Sprintf("%d chats, 10 readers each, posting as fast as possible", c.chats),
		entries: slices.Concat(entries(f.fast, c.lasts(), c.carry, timesThat(1, deliveryRate, "r3labs"),
			atMostTimes(2, latencyHalf, "r3labs"), nothingWrong),
			entries(f.rivals, c.lasts(), c.carry)),
		baseline: "r3labs",
	}
}

// calm is what a message takes where nobody is in a hurry. A commit is what a post
// takes to be acknowledged.
func (f *field) calm(scale scale) *scenario {
	c := scale.carriage(1, 1000, pace{rate: 20})
	return &scenario{
		name: fmt.Sprintf("1 chat, %d readers, 20 messages/s", c.readers),
		entries: slices.Concat(entries(f.fast, c.lasts(), c.carry,
			below(1, "p99 ≤ 1.5 times that of limit, and one commit", latencyMost, func(own figures, of func(string) figures) float64 {
				return 1.5*of("limit")[latencyMost] + own[acknowledged]
			}), nothingWrong),
			entries(f.rivals, c.lasts(), c.carry)),
		baseline: "r3labs",
		pictures: spreadOf("latency.svg", fmt.Sprintf("%d readers of one chat, 20 messages/s", c.readers)),
	}
}
