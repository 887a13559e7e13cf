package client

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/r3labs/sse/v2"

	"parley/chat"
)

const (
	// firstRetry is the wait before a reconnect until the service says another.
	firstRetry = time.Second
	// maxRetry bounds what the wait grows to while nothing succeeds, unless the
	// service asks for more.
	maxRetry = 30 * time.Second
)

// Ended is the error with which a sequence ends where the right to it has: the
// user left the chat or was removed ("left"), the chat was deleted ("deleted"),
// or the session is over ("revoked", which is also chat.ErrSessionEnded). Where
// the connection was lost just then, it is a [*Problem] that says the same.
type Ended struct{ Reason string }

func (e *Ended) Error() string { return "the stream has ended: " + e.Reason }

// Is says that an end by "revoked" is chat.ErrSessionEnded.
func (e *Ended) Is(target error) bool {
	return e.Reason == "revoked" && target == error(chat.ErrSessionEnded)
}

// Follow gives the events of one chat behind from, each once, in order and with
// none missing, for as long as the range loop goes on: lost, cut, silent and
// ended connections, restarts of the service and the end of access tokens are
// dealt with, at first as later. It waits for the loop's body, without harm
// however long that takes: a connection that the service has given up meanwhile
// is opened anew.
//
// An error is the last pair. It is an [*Ended], a [*Problem] that trying again
// would not cure, or the context's error. Only where the service says that it
// gave all that was asked for ("limit", "timeout") the sequence ends without
// one.
//
// When the range loop ends, by break or otherwise, the connection is closed and
// no goroutine is left. Each range over the sequence begins at from again.
func (c *Client) Follow(ctx context.Context, chatID string, from Cursor) iter.Seq2[Event, error] {
	return c.follow(ctx, chatPath(chatID)+"/stream", from)
}

// FollowAll is [Client.Follow] over all chats of the user, those that he joins
// meanwhile included.
func (c *Client) FollowAll(ctx context.Context, from Cursor) iter.Seq2[Event, error] {
	return c.follow(ctx, "/stream", from)
}

func (c *Client) follow(ctx context.Context, path string, from Cursor) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		f := &follower{
			client: c,
			path:   path,
			from:   from,
			yield:  yield,
			retry:  backoff{base: firstRetry, limit: maxRetry},
		}
		f.pos, f.placed = chat.ParsePosition(string(from))
		if err := f.run(ctx); err != nil {
			yield(Event{}, err)
		}
	}
}

var (
	// errBroken is why a connection is over whose reader broke out of his loop.
	errBroken = errors.New("the reader has gone")
	// errComplete is why it is over when all that was asked for was given.
	errComplete = errors.New("the stream is complete")
	// errExpired is why it is over when the service saw its access token end.
	errExpired = errors.New("the access token has ended")
	// errAgain is why it is over when another one shall follow without a wait.
	errAgain = errors.New("the session was renewed")
)

// follower is one range over a sequence.
type follower struct {
	client *Client
	path   string
	from   Cursor
	yield  func(Event, error) bool

	// pos is the position that the reader has come to, once placed.
	pos    int64
	placed bool

	retry backoff
	// refused says that the last answer was a 401, to which the session was
	// renewed: a second one in a row is final.
	refused bool
	// renewals are those under way that a stream's auth asked for.
	renewals sync.WaitGroup
}

// run makes one connection after the other until the sequence ends, and returns
// the error that is its last pair, or nil.
func (f *follower) run(ctx context.Context) error {
	for {
		err := f.connection(ctx)
		switch {
		case errors.Is(err, errBroken), errors.Is(err, errComplete):
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, errAgain):
			continue
		case final(err):
			return err
		}
		after, _ := passing(err)
		wait := f.retry.next(after)
		f.client.log.InfoContext(ctx, "stream lost", "path", f.path, "position", f.pos, "error", err, "retry_in", wait)
		if f.client.pause(ctx, wait) != nil {
			return ctx.Err()
		}
	}
}

// final says that a new connection would not get further.
func final(err error) bool {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p.Status < http.StatusInternalServerError && !p.passing()
	}
	if _, ok := errors.AsType[*Ended](err); ok {
		return true
	}
	return errors.Is(err, errBadEvent) || errors.Is(err, errNoStream) || errors.Is(err, errFrameTooLong)
}

// connection runs one connection to its end and says why it is over.
func (f *follower) connection(ctx context.Context) error {
	creds, err := f.client.valid(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	conn := f.client.connect(ctx, f.url(), creds.token, f.lastID())
	// Deferred, because the loop's body may also end by a panic or by Goexit.
	defer f.renewals.Wait()
	defer conn.close()
	defer cancel()

	for frame := range conn.frames {
		f.retry.reset()
		f.refused = false
		if err = f.take(ctx, frame); err != nil {
			break
		}
	}
	if err == nil {
		err = conn.err
	}
	switch {
	case errors.Is(err, errExpired):
		if _, failed := f.client.renew(ctx, creds.generation); failed != nil {
			return failed
		}
	case creds.refresh != "" && renewable(err) && !f.refused:
		f.refused = true
		if _, failed := f.client.renew(ctx, creds.generation); failed != nil {
			return failed
		}
		return errAgain
	}
	return err
}

func (f *follower) url() string {
	if f.placed || f.from == "" {
		return f.client.base + f.path
	}
	return f.client.base + f.path + "?after=" + url.QueryEscape(string(f.from))
}

func (f *follower) lastID() string {
	if !f.placed {
		return ""
	}
	return strconv.FormatInt(f.pos, 10)
}

// take deals with one frame. An error ends the connection, whose context is ctx.
func (f *follower) take(ctx context.Context, frame *sse.Event) error {
	if ms, err := strconv.ParseUint(string(frame.Retry), 10, 31); err == nil {
		f.retry.base = min(time.Duration(ms)*time.Millisecond, time.Hour)
	}
	id, hasID := chat.ParsePosition(string(frame.ID))
	if len(frame.Data) == 0 {
		// The reader's position moved on without an event for him.
		if hasID && (!f.placed || id > f.pos) {
			f.place(id)
		}
		return nil
	}
	name := chat.Kind(frame.Event)
	if name == "" {
		name = chat.KindMessage
	}
	switch name {
	case "ping":
		return nil
	case "auth":
		f.renewals.Go(func() { f.client.keep(ctx) })
		return nil
	case "bye":
		return f.bye(frame.Data)
	case "problem":
		return problemFrame(frame.Data)
	case Reset:
		return f.reset(frame.Data)
	}
	if !hasID {
		return f.give(0, name, frame.Data)
	}
	if f.placed && id <= f.pos {
		return nil // given already
	}
	f.place(id)
	return f.give(id, name, frame.Data)
}

func (f *follower) place(pos int64) { f.pos, f.placed = pos, true }

func (f *follower) give(id int64, name chat.Kind, data []byte) error {
	e, err := newEvent(id, name, data)
	if err != nil {
		return err
	}
	return f.hand(e)
}

func (f *follower) hand(e Event) error {
	if f.placed {
		e.Cursor = After(f.pos)
	}
	if !f.yield(e, nil) {
		return errBroken
	}
	return nil
}

// reset takes the place that the service names, be it before the one held.
func (f *follower) reset(data []byte) error {
	var r struct {
		Reason string `json:"reason"`
		Cursor int64  `json:"cursor"`
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return fmt.Errorf("%w: reset: %w", errBadEvent, err)
	}
	f.place(r.Cursor)
	return f.hand(Event{Name: Reset, Reason: r.Reason, Data: data})
}

// bye turns the service's last word into why the connection is over.
func (f *follower) bye(data []byte) error {
	var b struct {
		Reason string `json:"reason"`
	}
	if err := json.Unmarshal(data, &b); err != nil {
		return fmt.Errorf("%w: bye: %w", errBadEvent, err)
	}
	switch b.Reason {
	case "limit", "timeout":
		return errComplete
	case "left", "deleted", "revoked":
		return &Ended{b.Reason}
	case "expired":
		return errExpired
	}
	return fmt.Errorf("%w: %s", errEnded, b.Reason)
}

func problemFrame(data []byte) error {
	p := &Problem{}
	if err := json.Unmarshal(data, p); err != nil {
		return fmt.Errorf("%w: problem: %w", errBadEvent, err)
	}
	return p
}
