package main

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
)

// plain is the plain way to store a message: a transaction for each request,
// which locks the chat, numbers the message in it, stores the message and its
// event, and commits.
//
// It is given every advantage that leaves it that way: statements prepared once
// a connection, as many connections as it can use, and as few round trips as the
// database allows. It knows nothing of sessions, members and repeated keys, all
// of which parley decides inside its transactions; and its ids come from a
// sequence where there is one, which does not make anybody wait, but which also
// lets a reader come by an id before a smaller one is visible.
type plain struct {
	// prepared is done once to the database.
	prepared []string
	begin    string
	lock     string
	store    []string
	// arguments are those of each statement of store.
	arguments func(p plainPost) [][]any
	// connections is how many it uses at the most.
	connections int
}

// plainPost is a post as the plain way knows it.
type plainPost struct {
	chatID, author string
	seq, at        int64
}

var plainPostgres = &plain{
	prepared: []string{
		`CREATE SEQUENCE plain_ids CACHE 1`,
		`SELECT setval('plain_ids', pos) FROM head`,
	},
	begin: `BEGIN`,
	lock:  `SELECT seq FROM chats WHERE id = $1 FOR UPDATE`,
	// One statement, because each costs a round trip.
	store: []string{`WITH
		m AS (INSERT INTO messages (id, chat, seq, author, text, created_at)
			VALUES (nextval('plain_ids'), $1, $2, $3, $4, $5) RETURNING id, chat, seq, created_at),
		e AS (INSERT INTO events (pos, kind, chat, seq, at, message) SELECT id, 'message', chat, seq, created_at, id FROM m)
		UPDATE chats SET seq = m.seq, head = m.id, last_message = m.id FROM m WHERE chats.id = $1`},
	arguments: func(p plainPost) [][]any {
		return [][]any{{p.chatID, p.seq, p.author, text, p.at}}
	},
	connections: 64,
}

var plainSQLite = &plain{
	begin: `BEGIN IMMEDIATE`,
	lock:  `SELECT seq FROM chats WHERE id = ?`,
	store: []string{
		`INSERT INTO messages (id, chat, seq, author, text, created_at) VALUES ((SELECT max(pos) + 1 FROM events), ?, ?, ?, ?, ?)`,
		`INSERT INTO events (pos, kind, chat, seq, at, message) VALUES (last_insert_rowid(), 'message', ?, ?, ?, last_insert_rowid())`,
		`UPDATE chats SET seq = ?, head = last_insert_rowid(), last_message = last_insert_rowid() WHERE id = ?`,
	},
	arguments: func(p plainPost) [][]any {
		return [][]any{
			{p.chatID, p.seq, p.author, text, p.at},
			{p.chatID, p.seq, p.at},
			{p.seq, p.chatID},
		}
	},
	// A file has one writer; more of them only wait for one another.
	connections: 1,
}

// plainStore is a database that is written to in the plain way.
type plainStore struct {
	plain *plain
	seed  seed
	db    *sqlx.DB
	free  chan *plainConn
}

// plainConn is a connection with its prepared statements.
type plainConn struct {
	conn                *sql.Conn
	begin, lock, commit *sql.Stmt
	store               []*sql.Stmt
}

// openPlain opens a database for so many clients.
func openPlain(ctx context.Context, db *database, clients int) (_ *plainStore, err error) {
	p := db.engine.plain
	s := &plainStore{plain: p, seed: db.seed}
	if s.db, err = db.engine.connect(db.address); err != nil {
		return nil, err
	}
	connections := min(clients, p.connections)
	s.db.SetMaxOpenConns(connections)
	s.free = make(chan *plainConn, connections)
	for range connections {
		c, err := s.connect(ctx)
		if err != nil {
			s.db.Close()
			return nil, err
		}
		s.free <- c
	}
	return s, nil
}

// prepare makes a new database ready for the plain way.
func (p *plain) prepare(ctx context.Context, db *database) error {
	direct, err := db.engine.connect(db.address)
	if err != nil {
		return err
	}
	defer direct.Close()
	for _, statement := range p.prepared {
		if _, err := direct.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

func (s *plainStore) connect(ctx context.Context) (c *plainConn, err error) {
	c = &plainConn{}
	if c.conn, err = s.db.DB.Conn(ctx); err != nil {
		return nil, err
	}
	prepare := func(text string) (stmt *sql.Stmt) {
		if err == nil {
			stmt, err = c.conn.PrepareContext(ctx, text)
		}
		return stmt
	}
	c.begin, c.lock, c.commit = prepare(s.plain.begin), prepare(s.plain.lock), prepare(`COMMIT`)
	for _, text := range s.plain.store {
		c.store = append(c.store, prepare(text))
	}
	return c, err
}

// Close closes the connections; no post may be under way.
func (s *plainStore) Close() error { return s.db.Close() }

// post stores a message. A failure ends the benchmark, so the connection is not
// put in order after one.
func (s *plainStore) post(chatID, author string) error {
	c := <-s.free
	defer func() { s.free <- c }()
	// The run ends between posts; a context that can end costs each statement a
	// goroutine in lib/pq.
	ctx := context.Background()
	if _, err := c.begin.ExecContext(ctx); err != nil {
		return fmt.Errorf("beginning: %w", err)
	}
	p := plainPost{chatID: chatID, author: author, at: time.Now().UnixMilli()}
	if err := c.lock.QueryRowContext(ctx, chatID).Scan(&p.seq); err != nil {
		return fmt.Errorf("locking a chat: %w", err)
	}
	p.seq++
	for i, args := range s.plain.arguments(p) {
		if _, err := c.store[i].ExecContext(ctx, args...); err != nil {
			return fmt.Errorf("%s: %w", strings.Fields(s.plain.store[i])[0], err)
		}
	}
	if _, err := c.commit.ExecContext(ctx); err != nil {
		return fmt.Errorf("committing: %w", err)
	}
	return nil
}
