package main

import (
	"context"
	"errors"
	"fmt"

	"parley/server"
)

// system is a kind of server that carries messages to readers.
type system struct {
	// name says what it is, and names it for -rival and -only.
	name string
	// ours says that it is parley.
	ours bool
	// sse says that it speaks server-sent events from its first byte to its last.
	sse bool
	// start starts one whose database, if it has any, holds this.
	start func(ctx context.Context, holds seed) (*instance, error)
}

// instance is a system that runs.
type instance struct {
	*child
	// database is nil where everything is in memory.
	database *database
	token    string
	// posting are the addresses that messages are posted to, and following those at which
	// streams are opened, in turn; without any, both are the server's own. others are what
	// else runs for it.
	posting, following []string
	others             []*child
	// request opens a stream of a chat, after an id or, where that is below 0, from
	// now on. What is answered once it is open holds opened.
	request func(ch int, after int64) []byte
	opened  string
	// reply, where it is not nil, is what a client has to say before, once it was
	// greeted.
	reply   func(ch int) []byte
	greeted string
}

// stop ends the server and removes its database; a nil instance is none.
func (s *instance) stop() error {
	if s == nil {
		return nil
	}
	var err error
	for _, other := range s.others {
		err = errors.Join(err, other.stop())
	}
	return errors.Join(s.child.stop(), err, s.database.drop())
}

// or is addresses or, where there are none, the server's own.
func (s *instance) or(addresses []string) []string {
	if addresses == nil {
		return []string{s.address}
	}
	return addresses
}

// followed are the addresses at which streams are opened.
func (s *instance) followed() []string { return s.or(s.following) }

// dialPosters makes so many connections to where messages are posted, in turn.
func (s *instance) dialPosters(ctx context.Context, n int) (conns []*httpConn, err error) {
	addresses := s.or(s.posting)
	for i := range n {
		w, err := dial(ctx, addresses[i%len(addresses)])
		if err != nil {
			hangUp(conns)
			return nil, err
		}
		conns = append(conns, w)
	}
	return conns, nil
}

// databaseTime is what the database's processes have cost so far.
func (s *instance) databaseTime() (d float64, err error) {
	if s.database == nil || s.database.engine.process == 0 {
		return 0, nil
	}
	took, err := familyTime(s.database.engine.process)
	return float64(took), err
}

// request is how a stream of server-sent events is asked for.
func request(token string) func(ch int, after int64) []byte {
	return func(ch int, after int64) []byte {
		place := ""
		if after >= 0 {
			place = fmt.Sprintf("Last-Event-ID: %d\r\n", after)
		}
		return fmt.Appendf(nil, "GET /chats/%s/stream HTTP/1.1\r\nHost: parley\r\nAccept: text/event-stream\r\n"+
			"Authorization: Bearer %s\r\n%s\r\n", chatID(ch), token, place)
	}
}

// parleyOn is parley on a database.
func parleyOn(e *engine, passwordHash, name string, settings server.Settings) system {
	start := func(ctx context.Context, holds seed) (_ *instance, err error) {
		holds.passwordHash = passwordHash
		db, err := e.newDatabase(ctx, holds)
		if err != nil {
			return nil, err
		}
		c, err := serveWith(ctx, db, settings)
		if err != nil {
			return nil, errors.Join(err, db.drop())
		}
		s := &instance{child: c, database: db, opened: "event: ready"}
		if s.token, err = c.logIn(ctx, username(1)); err != nil {
			return nil, errors.Join(fmt.Errorf("logging in: %w", err), s.stop())
		}
		s.request = request(s.token)
		return s, nil
	}
	return system{name: name, ours: true, sse: true, start: start}
}

// rival is one of this program's roles.
func rival(role string) system {
	start := func(ctx context.Context, _ seed) (*instance, error) {
		c, err := newChild()
		if err != nil {
			return nil, err
		}
		if err := c.startRole(ctx, role, struct{}{}); err != nil {
			return nil, errors.Join(fmt.Errorf("starting %s: %w", role, err), c.stop())
		}
		return &instance{child: c, token: "none", request: request("none"), opened: "\r\n\r\n"}, nil
	}
	return system{name: role, sse: true, start: start}
}
