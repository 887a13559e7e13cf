package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
)

// session is a logged-in user of a server, with connections to it.
type session struct {
	address, token string
	conns          []*httpConn
}

// session logs a user in and makes so many connections.
func (c *child) session(ctx context.Context, username string, connections int) (*session, error) {
	s := &session{address: c.address}
	var err error
	if s.token, err = c.logIn(ctx, username); err != nil {
		return s, fmt.Errorf("logging in: %w", err)
	}
	s.conns, err = dialAll(ctx, c.address, connections)
	return s, err
}

// close closes the connections; a nil session has none.
func (s *session) close() {
	if s != nil {
		hangUp(s.conns)
	}
}

// post posts to the first chat.
func (s *session) post(_ context.Context, client, _ int) error {
	return s.conns[client].post(chatID(1), s.token, text)
}

// get asks for what is at a path.
func (s *session) get(path string) operation {
	request := get(path, s.token)
	return func(_ context.Context, client, _ int) error {
		_, err := s.conns[client].ask(request, http.StatusOK)
		return err
	}
}

// open opens a stream on a connection of its own, waits until it is ready, and closes
// it.
func (s *session) open(path string) operation {
	return func(ctx context.Context, _, _ int) error {
		w, err := s.follow(ctx, path, "now")
		return errors.Join(err, w.reset())
	}
}

// follow opens a stream and waits until it is ready.
func (s *session) follow(ctx context.Context, path, after string) (*httpConn, error) {
	w, err := dial(ctx, s.address)
	if err != nil {
		return nil, err
	}
	_, err = w.follow(path, s.token, after)
	return w, err
}

// reset closes the connection without a trace: thousands that are closed in good
// order would be in the way of the next. A nil wire is none.
func (w *httpConn) reset() error {
	if w == nil {
		return nil
	}
	return errors.Join(w.conn.(*net.TCPConn).SetLinger(0), w.conn.Close())
}
