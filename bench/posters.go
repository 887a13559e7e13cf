package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// posters post stamped messages to a server, each on a connection of its own and
// each its next message when the last was acknowledged.
type posters struct {
	conns     []*httpConn
	chats     int
	delivered *delivered
	// posts are each poster's requests, one for each of its chats.
	posts [][]*post
	// acknowledged is how many messages the server has taken.
	acknowledged atomic.Int64
	gate         sync.Mutex
	// took is how long each poster's messages took to be acknowledged.
	took [][]time.Duration
}

// post is the request that posts to a chat, of which only the stamp changes.
type post struct {
	chat, lane int
	request    []byte
	// stamp is where it is in the request, and key where it stands once more, without
	// its mark, as what makes it safe to ask again; nil where that is never done.
	stamp, key []byte
	// number is that of the newest message, and id what the server called it.
	number uint32
	id     int64
}

// pace is how fast posters post.
type pace struct {
	// rate is messages a second of all of them together; with 0 they post as fast as
	// they are acknowledged.
	rate float64
	// onTheirWay bounds how many messages may be acknowledged and not delivered
	// to the slowest readers that publish; 0 is no bound.
	onTheirWay int64
	// rounds is how often each poster posts to each of its chats; with 0, until the
	// context ends.
	rounds int
}

// lanes is how many posters post to each chat: where there are enough chats, they
// share them out.
func lanes(clients, chats int) int {
	if chats >= clients {
		return 1
	}
	return clients
}

// newPosters connects so many posters to an instance. If they are patient, they ask
// again where the server has no time for them.
func newPosters(ctx context.Context, s *instance, clients, chats int, patient bool, delivered *delivered) (*posters, error) {
	p := &posters{chats: chats, delivered: delivered, posts: make([][]*post, clients), took: make([][]time.Duration, clients)}
	for client := range clients {
		for ch := range chats {
			switch {
			case lanes(clients, chats) > 1:
				p.posts[client] = append(p.posts[client], newPost(ch, client, s.token, patient))
			case ch%clients == client:
				p.posts[client] = append(p.posts[client], newPost(ch, 0, s.token, patient))
			}
		}
	}
	var err error
	p.conns, err = s.dialPosters(ctx, clients)
	return p, err
}

func newPost(ch, lane int, token string, patient bool) *post {
	body := `{"text":"` + stampedText + `"}`
	p, key := &post{chat: ch, lane: lane}, 0
	p.request = fmt.Appendf(nil, "POST /chats/%s/messages HTTP/1.1\r\nHost: parley\r\nContent-Type: application/json\r\n"+
		"Content-Length: %d\r\nAuthorization: Bearer %s\r\n", chatID(ch+1), len(body), token)
	if patient {
		p.request = append(p.request, "Idempotency-Key: "+strings.Repeat("0", stampSize-1)...)
		key = len(p.request)
		p.request = append(p.request, "\r\n"...)
	}
	p.request = append(p.request, "\r\n"+body...)
	if patient {
		p.key = p.request[key-stampSize+1 : key]
	}
	end := len(p.request) - len(`"}`)
	p.stamp = p.request[end-stampSize : end]
	return p
}

// reconnect connects all posters anew; no post may be under way.
func (p *posters) reconnect(ctx context.Context, s *instance) (err error) {
	hangUp(p.conns)
	p.conns, err = s.dialPosters(ctx, len(p.posts))
	return err
}

func (p *posters) close() {
	if p != nil {
		hangUp(p.conns)
	}
}

// run posts until the context ends, which is no error, or all rounds are done.
func (p *posters) run(ctx context.Context, how pace) error {
	working, ctx := errgroup.WithContext(ctx)
	began := time.Now()
	for client, posts := range p.posts {
		working.Go(func() error {
			for n := 0; how.rounds == 0 || n < how.rounds*len(posts); n++ {
				at, err := p.turn(ctx, how, began, n*len(p.posts)+client)
				if err != nil {
					return nil
				}
				if err := p.post(client, posts[n%len(posts)], at); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return working.Wait()
}

// turn waits until it is time for the nth message of all, and returns the time that
// it is posted at.
func (p *posters) turn(ctx context.Context, how pace, began time.Time, n int) (time.Time, error) {
	if how.rate == 0 {
		err := p.pass(ctx, how.onTheirWay)
		return time.Now(), err
	}
	// A message that is late because the one before it was, is as late as it is.
	due := began.Add(time.Duration(float64(n) / how.rate * float64(time.Second)))
	return due, wait(ctx, time.Until(due))
}

// pass waits until there are fewer messages on their way. One poster looks, the
// others wait for it.
func (p *posters) pass(ctx context.Context, bound int64) error {
	if bound == 0 {
		return ctx.Err()
	}
	p.gate.Lock()
	defer p.gate.Unlock()
	for p.acknowledged.Load()-p.delivered.least() >= bound {
		if err := wait(ctx, 100*time.Microsecond); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// askAgain is the pause before a post with a key is sent once more where the server
// had no time, and askedAgain how often that is done.
const (
	askAgain   = 100 * time.Millisecond
	askedAgain = 100
)

// post posts a message and waits for its acknowledgement.
func (p *posters) post(client int, to *post, at time.Time) error {
	to.number++
	stamp{to.lane, to.number, micros(at)}.put(to.stamp)
	copy(to.key, to.stamp[1:])
	id, err := p.conns[client].exchange(to.request)
	for again := 0; to.key != nil && errors.Is(err, errRefused) && again < askedAgain; again++ {
		time.Sleep(askAgain) // also when posting ends: whether this message is stored has to be known
		id, err = p.conns[client].exchange(to.request)
	}
	if err != nil {
		return fmt.Errorf("posting to %s: %w", chatID(to.chat+1), err)
	}
	to.id = id
	p.took[client] = append(p.took[client], time.Since(at))
	p.acknowledged.Add(1)
	return nil
}

// exchange sends a request to post and returns the id of the message.
func (w *httpConn) exchange(request []byte) (id int64, err error) {
	// The latter if it was taken when it was first asked.
	body, err := w.ask(request, http.StatusCreated, http.StatusOK)
	if err != nil {
		return 0, err
	}
	_, rest, ok := bytes.Cut(body, []byte(`"id":`))
	if !ok {
		return 0, errors.New("an answer without an id")
	}
	return strconv.ParseInt(string(rest[:bytes.IndexAny(rest, ",}")]), 10, 64)
}

// posted is what was posted to each chat's lanes; no post may be under way.
func (p *posters) posted() [][]uint32 {
	numbers := make([][]uint32, p.chats)
	for i := range numbers {
		numbers[i] = make([]uint32, lanes(len(p.posts), p.chats))
	}
	for _, posts := range p.posts {
		for _, to := range posts {
			numbers[to.chat][to.lane] = to.number
		}
	}
	return numbers
}

// newest is the id of each chat's newest message; no post may be under way.
func (p *posters) newest() []int64 {
	ids := make([]int64, p.chats)
	for _, posts := range p.posts {
		for _, to := range posts {
			ids[to.chat] = max(ids[to.chat], to.id)
		}
	}
	return ids
}

// waited is how long all messages since the last time took to be acknowledged;
// no post may be under way.
func (p *posters) waited() []time.Duration {
	all := slices.Concat(p.took...)
	for client := range p.took {
		p.took[client] = nil
	}
	return all
}
