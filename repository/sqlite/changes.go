package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"strconv"

	"parley/repository/posts"
)

// loadChanged reads the message that an entry changes. first is how many of the first users
// of its emoji are needed.
func (c *Conn) loadChanged(ctx context.Context, e *posts.Entry, first int) error {
	var own, users sql.NullString
	var stored posts.MessageRow
	err := c.changed.QueryRowContext(ctx, e.Change.ID, e.Actor.Username, nullText(e.NeedsFirst()), first).
		Scan(append([]any{&own, &users}, stored.Fields()...)...)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	found := &e.Change.Found
	found.Message = stored.Message()
	if found.Own, err = posts.Texts(own); err == nil {
		found.First, err = posts.Texts(users)
	}
	return err
}

// storeChanges writes what a batch changes of messages that are there.
func (c *Conn) storeChanges(ctx context.Context, s *posts.Stored, now int64) error {
	for _, e := range s.Changes {
		if _, err := c.event.ExecContext(ctx, e.Pos, string(e.Change.Kind), e.Chat, e.Seq, now, e.Change.ID); err != nil {
			return err
		}
	}
	for _, m := range s.Changed {
		var edited sql.NullInt64
		if !m.EditedAt.IsZero() {
			edited = sql.NullInt64{Int64: m.EditedAt.UnixMilli(), Valid: true}
		}
		if _, err := c.text.ExecContext(ctx, m.Text, edited, m.Deleted, m.Changed,
			nullText(posts.StoredReactions(m.Reactions)), m.ID); err != nil {
			return err
		}
	}
	for _, k := range s.Went {
		if _, err := c.went.ExecContext(ctx, k.ID, k.Username, k.Emoji); err != nil {
			return err
		}
	}
	for _, k := range s.Came {
		if _, err := c.came.ExecContext(ctx, k.ID, k.Username, k.Emoji, k.Pos); err != nil {
			return err
		}
	}
	for _, id := range s.Bared {
		if _, err := c.bared.ExecContext(ctx, strconv.FormatInt(id, 10)); err != nil {
			return err
		}
	}
	return nil
}
