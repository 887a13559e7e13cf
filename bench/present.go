package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// A company of staying people is told of passing ones, and in a crowd, which is more
	// than 200, nobody is told of anybody. None of these depends on the scale.
	staying = 150
	passing = 50
	crowd   = 250
	// inAndOut of the crowd come and go: without them it is a crowd, too.
	inAndOut = 20
	// presentPage is how many of the present are listed at once.
	presentPage = 100
	// presentFor is how long a user stays, and absentFor how long one is away: a user who
	// is back within 8 s has neither gone nor come.
	presentFor = 2 * time.Second
	absentFor  = 10 * time.Second
	// crowdSettles is how long a chat that becomes a crowd may still tell of what came before.
	crowdSettles = 3 * time.Second
)

// presence is a chat that people come to and leave.
func (f *systems) presence(scale scale) *scenario {
	away := absentFor / time.Duration(scale.fewer)
	measure := func(ctx context.Context, on system) (figures, latencies, error) {
		f, err := measurePresence(ctx, on, away)
		return f, nil, err
	}
	return &scenario{
		turns: 1,
		name:  fmt.Sprintf("%d people who come and go where %d are present, and a crowd of %d", passing, staying, crowd),
		entries: entries(f.parley, 2*(presentFor+away)+crowdSettles+scale.seeding, measure,
			atMost(framesASecond, presenceFrames), atMost(0, crowdFrames), atLeast(crowd, listed)),
	}
}

func measurePresence(ctx context.Context, on system, away time.Duration) (f figures, err error) {
	f = noFigures()
	c := &company{}
	defer func() { err = errors.Join(err, c.close()) }()
	if c.instance, err = on.start(ctx, seed{people: crowd, chats: 1}); err != nil {
		return f, err
	}
	if c.tokens, err = tokensOf(crowd); err != nil {
		return f, err
	}
	// The first of the people listens.
	if c.listener, err = listen(ctx, c.instance.address, c.tokens[0], c.path("/stream"), "presence"); err != nil {
		return f, err
	}
	began := time.Now()
	if err := c.come(ctx, 1, staying); err != nil {
		return f, err
	}
	if err := c.pass(ctx, staying, staying+passing, away); err != nil {
		return f, err
	}
	f[presenceFrames] = mostASecond(c.listener.since(began))
	if err := c.come(ctx, staying, crowd-inAndOut); err != nil {
		return f, err
	}
	if err := wait(ctx, crowdSettles); err != nil {
		return f, err
	}
	settled := time.Now()
	if err := c.pass(ctx, crowd-inAndOut, crowd, away); err != nil {
		return f, err
	}
	f[crowdFrames] = float64(len(c.listener.since(settled)))
	if err := c.come(ctx, crowd-inAndOut, crowd); err != nil {
		return f, err
	}
	present, err := c.list()
	f[listed] = float64(present)
	return f, err
}

// company is the people of a chat, each of whom is present by a stream.
type company struct {
	instance *instance
	listener *listener
	tokens   []string
	streams  [crowd]*httpConn
}

func (c *company) path(of string) string { return "/chats/" + chatID(1) + of }

// come opens the streams of some of the people.
func (c *company) come(ctx context.Context, from, to int) error {
	coming, ctx := errgroup.WithContext(ctx)
	coming.SetLimit(openAtOnce)
	for i := from; i < to; i++ {
		coming.Go(func() (err error) {
			s := session{address: c.instance.address, token: c.tokens[i]}
			c.streams[i], err = s.follow(ctx, c.path("/stream"), "now")
			return err
		})
	}
	return coming.Wait()
}

// leave ends them.
func (c *company) leave(from, to int) (err error) {
	for i := from; i < to; i++ {
		err = errors.Join(err, c.streams[i].reset())
		c.streams[i] = nil
	}
	return err
}

// pass lets some of the people come, and go again.
func (c *company) pass(ctx context.Context, from, to int, away time.Duration) error {
	if err := c.come(ctx, from, to); err != nil {
		return err
	}
	if err := wait(ctx, presentFor); err != nil {
		return err
	}
	if err := c.leave(from, to); err != nil {
		return err
	}
	return wait(ctx, away)
}

// list counts those that are present, page by page.
func (c *company) list() (present int, err error) {
	w, err := dial(context.Background(), c.instance.address)
	if err != nil {
		return 0, err
	}
	defer hangUp([]*httpConn{w})
	after := ""
	for {
		body, err := w.ask(get(c.path(fmt.Sprintf("/presence?limit=%d%s", presentPage, after)), c.tokens[0]), http.StatusOK)
		if err != nil {
			return 0, err
		}
		var page struct{ Present []string }
		if err := json.Unmarshal(body, &page); err != nil {
			return 0, err
		}
		present += len(page.Present)
		if len(page.Present) < presentPage {
			return present, nil
		}
		after = "&after=" + page.Present[presentPage-1]
	}
}

func (c *company) close() error {
	err := errors.Join(c.leave(0, crowd), c.listener.close())
	return errors.Join(err, c.instance.stop())
}
