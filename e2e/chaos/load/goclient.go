package load

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"parley/client"
	"parley/e2e/chaos/history"
)

// signIn makes a Go client and begins its session.
func (f *follower) signIn(ctx context.Context) *client.Client {
	c := client.New(f.bases[0])
	for {
		if _, err := c.LogIn(ctx, f.user.name, password); err == nil || ctx.Err() != nil {
			return c
		}
		pause(ctx, 100*time.Millisecond)
	}
}

// runClient follows by the Go client, which reconnects by itself, until ctx ends.
func (f *follower) runClient(ctx context.Context, c *client.Client) {
	w := f.world
	conn := history.Conn{Reader: f.name, User: f.user.name, Chat: f.chat, Cursor: f.cursor, Resumes: true, Start: w.Record.Since()}
	follow := c.FollowAll(ctx, client.After(f.cursor))
	if f.chat != "" {
		follow = c.Follow(ctx, f.chat, client.After(f.cursor))
	}
	f.begun()
	for event, err := range follow {
		if err != nil {
			if ctx.Err() == nil {
				conn.Frames = append(conn.Frames, history.Frame{Event: "error", Data: fmt.Sprint(err)})
			}
			break
		}
		frame := history.Frame{Event: string(event.Name), Data: string(event.Data), ID: event.ID, HasID: event.Durable()}
		conn.Frames = append(conn.Frames, frame)
		if pos, err := strconv.ParseInt(string(event.Cursor), 10, 64); err == nil {
			f.at(pos) // a reset moves it, too
		}
	}
	conn.End = w.Record.Since()
	conn.Whole = ctx.Err() != nil && w.calm.Load() && len(w.final) == len(w.chats)
	w.Record.Conn(conn)
	f.ended(0)
}
