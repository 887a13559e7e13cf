package postgres

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"parley/repository/commitlog"
	"parley/repository/posts"
)

// Conn implements [posts.Conn]. A batch of entries is two messages: one that begins,
// takes the lock and loads, one that stores and commits. If there is nothing to load it
// is a single one.
type Conn struct {
	*sqlx.Conn
	// life is the connection as its pool has it.
	life    *lifeConn
	message message
}

var _ posts.Conn = (*Conn)(nil)

// Connect opens a log's connection. It refuses a database that would not keep what it
// has committed: that can have changed since the program started.
func Connect(ctx context.Context, writing *sqlx.DB) (*Conn, error) {
	conn, err := writing.Connx(ctx)
	if err != nil {
		return nil, err
	}
	c := &Conn{Conn: conn}
	if err := c.prepare(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (c *Conn) prepare(ctx context.Context) error {
	err := c.Raw(func(conn any) error {
		c.life = conn.(*lifeConn)
		return nil
	})
	if err != nil {
		return err
	}
	if err := Durable(ctx, c.Conn); err != nil {
		return err
	}
	for _, text := range statements {
		if _, err := c.ExecContext(ctx, text); err != nil {
			return fmt.Errorf("preparing a statement: %w", err)
		}
	}
	if _, err := c.ExecContext(ctx, bound); err != nil {
		return fmt.Errorf("setting the time-outs: %w", err)
	}
	return nil
}

// Close implements [commitlog.Conn]. The connection does not go back to its pool.
func (c *Conn) Close() { discard(c.Conn) }

// Current implements [commitlog.Conn].
func (c *Conn) Current() bool { return c.life.isCurrent() }

// Life is the identity of the life of the database that the connection leads to.
func (c *Conn) Life() string { return c.life.life }

// Remote implements [posts.Conn].
func (*Conn) Remote() bool { return true }

// Outcome implements [commitlog.Conn].
func (*Conn) Outcome(err error) commitlog.Outcome { return Outcome(err) }

// begin: each statement of a message sees what was committed when it began, so those
// behind the lock see what was committed before the lock was had.
const begin = `BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; EXECUTE parley_turn`

// Begin implements [commitlog.Conn].
func (c *Conn) Begin(ctx context.Context) (commitlog.Head, error) {
	at, _, err := c.BeginWith(ctx, nil, 0)
	return at, err
}

// BeginWith implements [posts.Conn].
func (c *Conn) BeginWith(ctx context.Context, entries []*posts.Entry, after int64) (at commitlog.Head, events []posts.Event, err error) {
	questions := ask(entries)
	if after != 0 {
		questions = append(questions, askEvents(after, &events))
	}
	at, err = c.begin(ctx, func(m *message) { m.ask(questions) }, func(rows *sql.Rows) error {
		return scan(rows, questions, true)
	})
	return at, events, err
}

// BeginAsking is Begin, and reads the row of a question into answer, which is a pointer to a
// struct. The question must have one. With refused, which is what the server said of the
// question, the lock is had and the transaction takes nothing more.
func (c *Conn) BeginAsking(ctx context.Context, question Text, answer any) (at commitlog.Head, refused, err error) {
	asks := func(m *message) { m.text = append(m.text, question.message.text...) }
	answers := func(rows *sql.Rows) error {
		if !rows.NextResultSet() || !rows.Next() {
			return cmp.Or(rows.Err(), errors.New("a question has no row"))
		}
		if err := (&sqlx.Rows{Rows: rows, Mapper: c.Mapper}).StructScan(answer); err != nil {
			return err
		}
		return rows.Close()
	}
	at, err = c.begin(ctx, asks, func(rows *sql.Rows) error {
		err := answers(rows)
		var said *pq.Error
		if errors.As(err, &said) {
			refused, err = err, nil
		}
		return err
	})
	return at, refused, err
}

// begin sends the message that begins and takes the lock, with what asks adds to it, and has
// answers scan the result sets of that.
func (c *Conn) begin(ctx context.Context, asks func(*message), answers func(*sql.Rows) error) (at commitlog.Head, err error) {
	c.message.reset()
	c.message.statement(begin)
	c.message.statement(`EXECUTE parley_lock`)
	asks(&c.message)
	rows, err := c.QueryContext(ctx, string(c.message.text))
	if err != nil {
		return at, err
	}
	defer rows.Close()
	for rows.Next() { // the turn, which says nothing
	}
	if !rows.NextResultSet() || !rows.Next() {
		return at, cmp.Or(rows.Err(), errors.New("the log has no head"))
	}
	if err := rows.Scan(&at.Pos, &at.Writer, &at.Batch); err != nil {
		return at, err
	}
	for rows.Next() {
	}
	return at, answers(rows)
}

// Load implements [posts.Conn].
func (c *Conn) Load(ctx context.Context, entries []*posts.Entry) error {
	questions := ask(entries)
	if len(questions) == 0 {
		return nil
	}
	c.message.reset()
	c.message.ask(questions)
	rows, err := c.QueryContext(ctx, string(c.message.text))
	if err != nil {
		return err
	}
	defer rows.Close()
	return scan(rows, questions, false)
}

// Store implements [posts.Conn].
func (c *Conn) Store(ctx context.Context, tx *commitlog.Tx, s *posts.Stored) (commitlog.Outcome, error) {
	c.message.reset()
	if tx.Single {
		c.message.statement(begin)
		c.expect(tx.Found)
	}
	if len(s.Messages) == 1 && len(s.Changes) == 0 {
		c.storeOne(tx, s.Messages[0])
	} else {
		c.storeAll(tx, s)
	}
	o, err := c.commit(ctx, tx)
	var refused *pq.Error
	if o == commitlog.Refused && errors.As(err, &refused) && refused.Code == uniqueViolation && posts.BelievesKeys(s.Messages) {
		o = commitlog.Repeated
	}
	return o, err
}

// expect stops the message if the head is not where it is expected.
func (c *Conn) expect(at commitlog.Head) {
	m := &c.message
	m.open(`parley_expect`)
	m.integer(at.Pos)
	m.literal(at.Writer)
	m.integer(at.Batch)
	m.end()
}

// storeOne stores the one entry of a batch, and raises the head to it.
func (c *Conn) storeOne(tx *commitlog.Tx, e *posts.Entry) {
	c.keepDisplaced(tx)
	said, m := &e.Posted.Message, &c.message
	m.open(`parley_post`)
	m.integer(said.ID)
	m.literal(said.Chat)
	m.integer(said.Seq)
	m.literal(said.Author)
	m.literal(said.Text)
	m.reference(said.ReplyTo)
	m.literal(said.ClientID)
	m.literal(e.Hash)
	m.literal(e.Origin)
	m.integer(tx.Began.UnixMilli())
	m.literal(tx.Writer)
	m.integer(tx.Batch)
	m.end()
}

func (c *Conn) storeAll(tx *commitlog.Tx, s *posts.Stored) {
	m := &c.message
	if entries := s.Messages; len(entries) > 0 {
		m.open(`parley_messages`)
		m.integers(entries, posOf)
		m.texts(entries, chatOf)
		m.integers(entries, seqOf)
		m.texts(entries, authorOf)
		m.texts(entries, func(e *posts.Entry) string { return e.Text })
		m.integers(entries, replyToOf)
		m.texts(entries, clientIDOf)
		m.texts(entries, func(e *posts.Entry) string { return e.Hash })
		m.texts(entries, func(e *posts.Entry) string { return e.Origin })
		m.integer(tx.Began.UnixMilli())
		m.end()
	}
	if len(s.Changes) > 0 {
		m.storeChanges(tx, s)
	}
	ids := slices.Collect(maps.Keys(s.Places))
	m.open(`parley_chats`)
	array(m, ids, appendElement)
	array(m, ids, func(b []byte, id string) []byte { return strconv.AppendInt(b, s.Places[id].Seq, 10) })
	array(m, ids, func(b []byte, id string) []byte { return strconv.AppendInt(b, s.Places[id].Head, 10) })
	array(m, ids, func(b []byte, id string) []byte { return strconv.AppendInt(b, s.Places[id].Messages, 10) })
	integersOf(m, ids, func(id string) int64 { return s.Places[id].LastMessage })
	m.end()
	c.raise(tx)
}

// Raise implements [commitlog.Conn].
func (c *Conn) Raise(ctx context.Context, tx *commitlog.Tx) (commitlog.Outcome, error) {
	return c.RaiseBehind(ctx, tx, Text{})
}

// RaiseBehind is Raise with statements before it, in the same message.
func (c *Conn) RaiseBehind(ctx context.Context, tx *commitlog.Tx, statements Text) (commitlog.Outcome, error) {
	c.message.reset()
	c.message.text = append(c.message.text, statements.message.text...)
	c.raise(tx)
	return c.commit(ctx, tx)
}

func (c *Conn) raise(tx *commitlog.Tx) {
	c.keepDisplaced(tx)
	m := &c.message
	m.open(`parley_head`)
	m.integer(tx.Pos)
	m.literal(tx.Writer)
	m.integer(tx.Batch)
	m.end()
}

// keepDisplaced keeps the batch of another writer that the head is raised from.
func (c *Conn) keepDisplaced(tx *commitlog.Tx) {
	if !tx.Displaces() {
		return
	}
	m := &c.message
	m.open(`parley_writer`)
	m.literal(tx.Found.Writer)
	m.integer(tx.Found.Batch)
	m.integer(tx.Began.UnixMilli())
	m.end()
}

// commit sends the message with a commit behind it. An error that the server itself has
// answered came before the commit or instead of it.
func (c *Conn) commit(ctx context.Context, tx *commitlog.Tx) (commitlog.Outcome, error) {
	c.message.text = append(c.message.text, `COMMIT`...)
	_, err := c.ExecContext(ctx, string(c.message.text))
	if err == nil {
		return commitlog.Committed, nil
	}
	var refused *pq.Error
	switch {
	case !errors.As(err, &refused):
		return commitlog.Unknown, err
	case tx.Single && refused.Code == divisionByZero: // by parley_expect
		return commitlog.Outdated, err
	}
	return Outcome(err), err
}

// LastBatch implements [commitlog.Conn].
func (c *Conn) LastBatch(ctx context.Context, writer string) (batch int64, err error) {
	err = c.GetContext(ctx, &batch, `SELECT batch FROM writers WHERE id = $1`, writer)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return batch, err
}

// Rollback implements [commitlog.Conn].
func (c *Conn) Rollback(ctx context.Context) error {
	_, err := c.ExecContext(ctx, `ROLLBACK`)
	return err
}
