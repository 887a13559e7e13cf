package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// httpConn is a client's connection to the server, kept alive from one request to
// the next. It writes requests itself: net/http's client costs as much as a
// server, and would take that from the very processors that are measured.
type httpConn struct {
	conn net.Conn
	in   *bufio.Reader
	out  []byte
}

// answerWithin is longer than the server ever takes for an answer.
const answerWithin = 10 * time.Second

func dial(ctx context.Context, address string) (*httpConn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return &httpConn{conn: conn, in: bufio.NewReader(conn)}, nil
}

func dialAll(ctx context.Context, address string, n int) (conns []*httpConn, err error) {
	for range n {
		w, err := dial(ctx, address)
		if err != nil {
			hangUp(conns)
			return nil, err
		}
		conns = append(conns, w)
	}
	return conns, nil
}

func hangUp(conns []*httpConn) {
	for _, w := range conns {
		_ = w.conn.Close()
	}
}

// post posts a message and waits until it is stored. errRefused.
func (w *httpConn) post(chatID, token, text string) error {
	w.out = append(w.out[:0], "POST /chats/"...)
	w.out = append(w.out, chatID...)
	w.out = append(w.out, "/messages HTTP/1.1\r\nHost: parley\r\nContent-Type: application/json\r\nContent-Length: "...)
	w.out = strconv.AppendInt(w.out, int64(len(`{"text":""}`)+len(text)), 10)
	w.out = append(w.out, "\r\nAuthorization: Bearer "...)
	w.out = append(w.out, token...)
	w.out = append(w.out, "\r\n\r\n{\"text\":\""...)
	w.out = append(w.out, text...)
	w.out = append(w.out, `"}`...)
	_, err := w.ask(w.out, http.StatusCreated)
	return err
}

// errRefused is an answer that asks the client to come later.
var errRefused = errors.New("refused")

// refuses says whether a status asks the client to come later.
func refuses(status int) bool {
	return status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests
}

// ask sends a whole request and returns the body of the answer, which has to have
// one of the statuses. errRefused.
func (w *httpConn) ask(request []byte, wanted ...int) ([]byte, error) {
	w.out = request
	if err := w.send(); err != nil {
		return nil, err
	}
	res, err := http.ReadResponse(w.in, nil)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	switch {
	case err != nil:
		return nil, err
	case slices.Contains(wanted, res.StatusCode):
		return body, nil
	case refuses(res.StatusCode):
		return nil, fmt.Errorf("%w: %s", errRefused, body)
	default:
		return nil, fmt.Errorf("%s: %s", res.Status, body)
	}
}

// get is a request for what is at a path.
func get(path, token string) []byte {
	return fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: parley\r\nAuthorization: Bearer %s\r\n\r\n", path, token)
}

// follow opens a stream after a place and reads it until the replay is done. It
// returns how many messages that brought. errRefused.
func (w *httpConn) follow(path, token, after string) (messages int, err error) {
	lines, err := w.open(path, token, after)
	if err != nil {
		return 0, err
	}
	return untilReady(lines)
}

// open opens a stream after a place and returns its lines. errRefused.
func (w *httpConn) open(path, token, after string) (*bufio.Scanner, error) {
	w.out = fmt.Appendf(w.out[:0], "GET %s?after=%s HTTP/1.1\r\nHost: parley\r\nAccept: text/event-stream\r\nAuthorization: Bearer %s\r\n\r\n",
		path, after, token)
	if err := w.send(); err != nil {
		return nil, err
	}
	res, err := http.ReadResponse(w.in, nil)
	switch {
	case err != nil:
		return nil, err
	case refuses(res.StatusCode):
		return nil, fmt.Errorf("opening a stream: %w", errRefused)
	case res.StatusCode != http.StatusOK:
		return nil, errors.New("opening a stream: " + res.Status)
	}
	return bufio.NewScanner(res.Body), nil
}

// untilReady reads a stream until the replay is done, and returns how many messages that
// brought.
func untilReady(lines *bufio.Scanner) (messages int, err error) {
	for lines.Scan() {
		switch line := lines.Text(); {
		case strings.HasPrefix(line, `data: {"id":`):
			messages++
		case line == "event: ready":
			return messages, nil
		}
	}
	return messages, errors.Join(errors.New("the stream ended before it was ready"), lines.Err())
}

func (w *httpConn) send() error {
	if err := w.conn.SetDeadline(time.Now().Add(answerWithin)); err != nil {
		return err
	}
	_, err := w.conn.Write(w.out)
	return err
}
