package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// wire is a client's connection to the server, kept alive from one request to
// the next. It writes requests itself: net/http's client costs as much as a
// server, and would take that from the very processors that are measured.
type wire struct {
	conn net.Conn
	in   *bufio.Reader
	out  []byte
}

// answerWithin is longer than the server ever takes for an answer.
const answerWithin = 10 * time.Second

func dial(ctx context.Context, address string) (*wire, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return &wire{conn: conn, in: bufio.NewReader(conn)}, nil
}

func dialAll(ctx context.Context, address string, n int) (wires []*wire, err error) {
	for range n {
		w, err := dial(ctx, address)
		if err != nil {
			hangUp(wires)
			return nil, err
		}
		wires = append(wires, w)
	}
	return wires, nil
}

func hangUp(wires []*wire) {
	for _, w := range wires {
		_ = w.conn.Close()
	}
}

// body is a message as a client writes it.
const body = `{"text":"` + text + `"}`

// post posts a message and waits until it is stored.
func (w *wire) post(chatID, token string) error {
	w.out = append(w.out[:0], "POST /chats/"...)
	w.out = append(w.out, chatID...)
	w.out = append(w.out, "/messages HTTP/1.1\r\nHost: parley\r\nContent-Type: application/json\r\nContent-Length: "...)
	w.out = strconv.AppendInt(w.out, int64(len(body)), 10)
	w.out = append(w.out, "\r\nAuthorization: Bearer "...)
	w.out = append(w.out, token...)
	w.out = append(w.out, "\r\n\r\n"+body...)
	if err := w.send(); err != nil {
		return err
	}
	res, err := http.ReadResponse(w.in, nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusCreated {
		problem, _ := io.ReadAll(io.LimitReader(res.Body, 4<<10))
		return fmt.Errorf("posting: %s: %s", res.Status, problem)
	}
	_, err = io.Copy(io.Discard, res.Body)
	return err
}

// follow opens a stream and reads it until the replay is done.
func (w *wire) follow(path, token string, after int64) error {
	w.out = fmt.Appendf(w.out[:0], "GET %s?after=%d HTTP/1.1\r\nHost: parley\r\nAccept: text/event-stream\r\nAuthorization: Bearer %s\r\n\r\n",
		path, after, token)
	if err := w.send(); err != nil {
		return err
	}
	res, err := http.ReadResponse(w.in, nil)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return errors.New("opening a stream: " + res.Status)
	}
	messages := 0
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		switch line := lines.Text(); {
		case strings.HasPrefix(line, `data: {"id":`):
			messages++
		case line == "event: ready" && messages != behind:
			return fmt.Errorf("the stream brought %d messages and not %d", messages, behind)
		case line == "event: ready":
			return nil
		}
	}
	return errors.Join(errors.New("the stream ended before it was ready"), lines.Err())
}

func (w *wire) send() error {
	if err := w.conn.SetDeadline(time.Now().Add(answerWithin)); err != nil {
		return err
	}
	_, err := w.conn.Write(w.out)
	return err
}
