package load

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"time"

	"parley/e2e/chaos/history"
	"parley/e2e/sse"
)

// read reads a connection's frames until it ends.
func (f *follower) read(ctx context.Context, body io.Reader, conn *history.Conn) {
	next := f.blocks(body)
	if f.kind == Lines {
		next = lines(body)
	}
	for {
		frame, err := next()
		if err != nil {
			return
		}
		if frame.HasID {
			f.at(frame.ID)
		}
		if frame.Event != "ping" && (frame.Event != "" || frame.HasID) {
			conn.Frames = append(conn.Frames, frame)
		}
		if f.kind == Slow && !f.world.calm.Load() && frame.HasID && frame.ID%16 == 0 {
			pause(ctx, 300*time.Millisecond)
		}
	}
}

// blocks reads server-sent events by the rules of WHATWG, strictly.
func (f *follower) blocks(body io.Reader) func() (history.Frame, error) {
	if f.kind == Slow {
		body = io.LimitReader(body, 1<<40) // hides everything but Read, so that little is read ahead
	}
	reader := sse.NewReader(body)
	return func() (history.Frame, error) {
		block, err := reader.Next()
		if err != nil {
			return history.Frame{}, err
		}
		frame := history.Frame{Event: block.Name, Data: block.Data, HasID: block.HasID}
		if block.HasData && frame.Event == "" {
			frame.Event = "message"
		}
		if block.HasID {
			frame.ID, err = strconv.ParseInt(block.ID, 10, 64)
		}
		return frame, err
	}
}

// lines reads a JSON object a line; one that is not whole does not count.
func lines(body io.Reader) func() (history.Frame, error) {
	reader := bufio.NewReader(body)
	return func() (history.Frame, error) {
		line, err := reader.ReadString('\n')
		if err != nil || strings.TrimSpace(line) == "" {
			return history.Frame{Event: "ping"}, err
		}
		var object struct {
			Event string          `json:"event"`
			ID    *int64          `json:"id"`
			Data  json.RawMessage `json:"data"`
		}
		if err := json.Unmarshal([]byte(line), &object); err != nil {
			return history.Frame{}, err
		}
		frame := history.Frame{Event: object.Event, Data: string(object.Data)}
		if object.ID != nil {
			frame.ID, frame.HasID = *object.ID, true
		}
		return frame, nil
	}
}
