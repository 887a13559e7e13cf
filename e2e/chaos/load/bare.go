package load

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/r3labs/sse/v2"

	"parley/e2e/chaos/history"
)

// connectBare opens the stream by r3labs/sse as it is, without what the Go client cures of
// it: it takes a frame that was cut for whole, its id included. A reader that skips what it
// has had, by id, is what such a client is good for.
func (f *follower) connectBare(ctx context.Context, base string) {
	w := f.world
	conn := history.Conn{
		Reader: f.name, User: f.user.name, Session: f.user.session, Chat: f.chat, Cursor: f.cursor,
		Known: w.Record.Known(), Start: w.Record.Since(),
	}
	client := sse.NewClient(base + "/chats/" + f.chat + "/stream")
	client.ReconnectStrategy = never{}
	client.Connection = &http.Client{Transport: w.streams}
	client.Headers["Authorization"] = "Bearer " + f.user.token
	client.Headers["Last-Event-ID"] = strconv.FormatInt(f.cursor, 10)
	f.begun()
	_ = client.SubscribeRawWithContext(ctx, func(e *sse.Event) {
		id, err := strconv.ParseInt(string(e.ID), 10, 64)
		if err != nil || id <= f.cursor || ctx.Err() != nil {
			return
		}
		name := string(e.Event)
		if name == "" {
			name = "message"
		}
		conn.Frames = append(conn.Frames, history.Frame{Event: name, Data: string(e.Data), ID: id, HasID: true})
		f.at(id)
	})
	conn.End = w.Record.Since()
	w.Record.Conn(conn)
	f.ended(http.StatusOK)
	pause(ctx, 10*time.Millisecond)
}

// never is a back-off that ends at once: the follower reconnects by itself.
type never struct{}

func (never) NextBackOff() time.Duration { return -1 }
func (never) Reset()                     {}
