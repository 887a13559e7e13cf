package main

import (
	"fmt"
	"strings"

	"parley/server"
)

// onTheirWay is how many messages may be acknowledged and not yet seen where they
// are posted as fast as possible: a service that is asked for more has no end to
// its memory.
const onTheirWay = 1000

// asFastAsTheyCome is the pace of who posts as fast as it is acknowledged.
var asFastAsTheyCome = pace{onTheirWay: onTheirWay}

// carriers are all servers that are compared; rival, where it is not empty, is the
// only one of them that is not ours.
func carriers(engines []*engine, passwordHash, rivalName string) ([]carrier, error) {
	var all []carrier
	for _, e := range engines {
		all = append(all, ours(e, passwordHash, "parley/"+e.name, server.Settings{}))
	}
	names := []string{}
	found := rivalName == ""
	for _, c := range []carrier{rival("limit"), rival("r3labs")} {
		names = append(names, c.name)
		if rivalName == "" || rivalName == c.name {
			all = append(all, c)
			found = true
		}
	}
	if !found {
		return nil, fmt.Errorf("-rival %s: there are %s", rivalName, strings.Join(names, ", "))
	}
	return all, nil
}

// streams are the sections about carrying messages to those who follow.
func streams(carriers []carrier, scale scale) (sections []section) {
	load := func(chats, readers int, p pace) carriage {
		return carriage{chats: chats, readers: readers / scale.fewer, posters: 64, pace: p,
			warm: scale.warmStreams, time: scale.timeStreams}
	}
	scenarios := []*scenario{
		func() *scenario {
			c := load(1, 1000, asFastAsTheyCome)
			return &scenario{
				name: "1 chat, 1,000 readers, posting as fast as possible", carriers: carriers, measure: c.measure, lasts: c.lasts(),
				wanted: []wanted{times(3, deliveryRate, "r3labs"), times(2, deliveryRate, "limit"),
					atMost(1000, serverTime, "server", microseconds), nothingWrong},
			}
		}(),
	}
	for _, s := range scenarios {
		sections = append(sections, s.section(scale.turnsStreams, func(*scenario, *results) {}))
	}
	return sections
}
