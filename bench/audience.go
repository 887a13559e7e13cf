package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"time"
)

// groups is how many readers of each chat publish at once what they were given. What
// the slowest of them has counts as delivered.
const groups = 8

// audience is the process that holds all readers of a server. It is one thread,
// which reads much at once from sockets that do not block, so that it takes little
// of the processors that are measured.
type audience struct {
	*child
	delivered *delivered
}

// opening tells the audience to open all streams that are not open.
type opening struct {
	// Addresses are those of the server's instances, on which readers are in turn.
	Addresses []string
	// Readers are so many, and follow Chats in turn.
	Readers, Chats int
	// Lanes are how many posters post to each chat.
	Lanes int
	// Stalled is how many of the readers, the last ones, stop reading as soon as
	// their streams are open.
	Stalled int
	// Requests open a stream of each chat, and Opened is in what is then answered,
	// once what is posted reaches the stream.
	Requests [][]byte
	Opened   []byte
	// Replies, where there are any, are sent when what is answered holds Greeted.
	Replies [][]byte
	Greeted []byte
	// SSE lets the readers of the groups check the format of server-sent events.
	SSE bool
	// Nap is how long nothing is read after all that has come was: what comes
	// meanwhile is then read at once, which leaves the processors to the server.
	// Where it is measured how soon messages come, it is 0.
	Nap time.Duration
	// AtOnce is how many streams may be opening at the same time.
	AtOnce int
}

// order is what the audience is told. One of the first three is set.
type order struct {
	Open *opening
	// Cut closes all sockets.
	Cut bool
	// Count answers what was counted.
	Count bool
	// Posted, with Count, is what was posted to each chat's lanes: what readers have
	// not been given by then is lost.
	Posted [][]uint32
}

// counted is the audience's answer.
type counted struct {
	tally
	// Opened is how many streams are open, and Ended how many the server ended.
	Opened, Ended int
	// Refused is how often a stream was refused; the reader asks again.
	Refused int
	// CPU is what the audience has cost so far, user and system.
	CPU time.Duration
	// Error is what an order failed by.
	Error string
}

// audienceSettings are what an audience begins with.
type audienceSettings struct {
	// Delivered is the file in which the groups publish what they were given.
	Delivered string
}

// startAudience starts an audience without readers.
func startAudience(ctx context.Context) (_ *audience, err error) {
	c, err := newChild()
	if err != nil {
		return nil, err
	}
	a := &audience{child: c}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("starting an audience: %w", err), a.stop())
		}
	}()
	file := filepath.Join(c.dir, "delivered")
	if a.delivered, err = makeDelivered(file); err != nil {
		return nil, err
	}
	return a, c.startRole(ctx, "audience", audienceSettings{Delivered: file})
}

// stop ends the audience; a nil one is none.
func (a *audience) stop() error {
	if a == nil {
		return nil
	}
	return errors.Join(a.child.stop(), a.delivered.close())
}

// tell gives an order.
func (a *audience) tell(o order) (c counted, err error) {
	line, err := a.call(o)
	if err != nil {
		return c, fmt.Errorf("the audience: %w", err)
	}
	if err := json.Unmarshal([]byte(line), &c); err != nil {
		return c, err
	}
	if c.Error != "" {
		return c, errors.New("the audience: " + c.Error)
	}
	return c, nil
}

// await waits until so many messages were delivered. It gives up when none has
// come for a while: the rest is lost.
func (a *audience) await(ctx context.Context, deliveries int64) error {
	const patience = 5 * time.Second
	last, since := int64(-1), time.Now()
	for {
		c, err := a.tell(order{Count: true})
		if err != nil || c.Deliveries >= deliveries {
			return err
		}
		if c.Deliveries != last {
			last, since = c.Deliveries, time.Now()
		}
		if time.Since(since) > patience {
			return nil
		}
		if err := wait(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
}

// wait sleeps, unless the context ends.
func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// beAudience is the audience as a role.
func beAudience(in *bufio.Reader) error {
	var settings audienceSettings
	if err := readSettings(in, &settings); err != nil {
		return err
	}
	delivered, err := openDelivered(settings.Delivered)
	if err != nil {
		return err
	}
	defer delivered.close()
	fmt.Println()
	orders := make(chan order)
	go func() {
		defer close(orders)
		for {
			var o order
			if readSettings(in, &o) != nil {
				return
			}
			orders <- o
		}
	}()
	return runEventLoop(orders, delivered, func(c counted) error {
		line, err := json.Marshal(c)
		if err != nil {
			return err
		}
		_, err = fmt.Println(string(line))
		return err
	})
}
