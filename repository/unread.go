package repository

import (
	"context"
	"log/slog"
	"sync/atomic"
)

const (
	// countAfter is how many positions are left uncounted before it is counted again who
	// wrote what. To know what is unread, so many messages are read at the most, and those
	// that come while it is counted.
	countAfter = 1024
	// countAtOnce bounds what is counted in one transaction, for which on SQLite the
	// posts of others wait.
	countAtOnce = 2048
)

// counted is up to where own messages are counted. A subquery of its own is read once a
// statement, and leaves the order of the rows alone, which a join does not on SQLite.
const counted = `(SELECT pos FROM counted)`

// unread is what a member m of a chat c, whose read marker is k, has not read: all messages of
// the chat but those of others up to the marker or, without one, that were there at the join;
// those that are counted as the member's own; and those that the member wrote since. Only of a chat that has messages since then are any read, and
// only those, by the index messages_chat.
func (d *dialect) unread() string {
	return `c.messages - COALESCE(k.seen, m.seen) - COALESCE((
			SELECT w.messages FROM own_messages w WHERE w.username = m.username AND w.chat = c.id AND w.joined_pos = m.joined_pos), 0)
		- CASE WHEN c.last_message <= ` + counted + ` THEN 0 ELSE (
			SELECT count(*) FROM messages o WHERE o.chat = c.id AND o.author = m.username AND ` + d.uncounted + `) END`
}

// countedTo is up to where a member's own messages are counted.
const countedTo = `CASE WHEN m.joined_pos > ` + counted + ` THEN m.joined_pos ELSE ` + counted + ` END`

// ownSince notes for each member how many of the messages between two positions are
// his own. A planner can reach neither into the look for a membership, row by row, nor
// beyond MATERIALIZED.
const ownSince = `WITH said AS MATERIALIZED (
		SELECT m.author, m.chat, m.id, (SELECT joined_pos FROM memberships
			WHERE chat = m.chat AND username = m.author AND left_pos IS NULL LIMIT 1) AS joined_pos
		FROM messages m WHERE m.id > ? AND m.id <= ?)
	INSERT INTO own_messages (username, chat, joined_pos, messages)
	SELECT author, chat, joined_pos, count(*) FROM said WHERE joined_pos < id
	GROUP BY author, chat, joined_pos
	ON CONFLICT (username, chat, joined_pos) DO UPDATE SET messages = own_messages.messages + excluded.messages`

// counter counts who wrote what, as a background job. To count with each post would take a row
// for each, and so a page of so many more than there are chats.
type counter struct {
	*backgroundJob
	r *Repository
	// at is up to where it is known to be counted.
	at atomic.Int64
}

func newCounter(r *Repository, log *slog.Logger) *counter {
	c := &counter{r: r}
	c.backgroundJob = newBackgroundJob("counting everybody's own messages", log, c.count)
	return c
}

// raised wakes the counter when the head is far enough ahead. It does not block.
func (c *counter) raised(pos int64) {
	if pos-c.at.Load() > countAfter {
		c.wake()
	}
}

// count counts on until it is close behind the head.
func (c *counter) count(ctx context.Context) error {
	for {
		from, to, err := c.due(ctx)
		if err != nil || from == to {
			return err
		}
		err = c.r.dialect.beside(ctx, c.r, "", func(ctx context.Context, tx changer) error {
			// Another instance may have come first, or be at it.
			moved, err := tx.exec(ctx, `UPDATE counted SET pos = ? WHERE one = 1 AND pos = ?`, to, from)
			if err == nil && moved == 1 {
				_, err = tx.exec(ctx, ownSince, from, to)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
}

// due is what is to be counted next, nothing while that would be little.
func (c *counter) due(ctx context.Context) (from, to int64, err error) {
	// Start is the position before the first event that is to be counted: behind a jump, far
	// from where it is counted to.
	type position struct{ Head, Counted, Start int64 }
	at, err := read(ctx, c.r, func(ctx context.Context, h handle) (at position, err error) {
		err = h.get(ctx, &at, `SELECT h.pos AS head, n.pos AS counted,
				COALESCE((SELECT min(pos) - 1 FROM events WHERE pos > n.pos), n.pos) AS start
			FROM head h CROSS JOIN counted n`)
		return at, err
	})
	if err != nil {
		return 0, 0, err
	}
	c.at.Store(at.Counted)
	if at.Head-at.Counted <= countAfter {
		return at.Counted, at.Counted, nil
	}
	return at.Counted, min(at.Head, at.Start+countAtOnce), nil
}
