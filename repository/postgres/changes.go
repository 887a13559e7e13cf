package postgres

import (
	"strconv"

	"parley/chat"
	"parley/repository/commitlog"
	"parley/repository/posts"
)

// storeChanges writes what a batch changes of messages that are there.
func (m *message) storeChanges(tx *commitlog.Tx, s *posts.Stored) {
	m.open(`parley_changes`)
	m.integers(s.Changes, posOf)
	m.integers(s.Changes, changedOf)
	m.texts(s.Changes, chatOf)
	m.integers(s.Changes, seqOf)
	m.texts(s.Changes, func(e *posts.Entry) string { return string(e.Change.Kind) })
	m.integer(tx.Began.UnixMilli())
	m.end()

	m.open(`parley_texts`)
	integersOf(m, s.Changed, func(c *chat.Message) int64 { return c.ID })
	textsOf(m, s.Changed, func(c *chat.Message) string { return c.Text })
	integersOf(m, s.Changed, func(c *chat.Message) int64 {
		if c.EditedAt.IsZero() {
			return 0
		}
		return c.EditedAt.UnixMilli()
	})
	array(m, s.Changed, func(b []byte, c *chat.Message) []byte { return strconv.AppendBool(b, c.Deleted) })
	integersOf(m, s.Changed, func(c *chat.Message) int64 { return c.Changed })
	textsOf(m, s.Changed, func(c *chat.Message) string { return posts.StoredReactions(c.Reactions) })
	m.end()

	if len(s.Went) > 0 {
		m.open(`parley_went`)
		reactionKeys(m, s.Went, func(k posts.ReactionKey) posts.ReactionKey { return k })
		m.end()
	}
	if len(s.Came) > 0 {
		m.open(`parley_came`)
		reactionKeys(m, s.Came, func(c posts.Came) posts.ReactionKey { return c.ReactionKey })
		integersOf(m, s.Came, func(c posts.Came) int64 { return c.Pos })
		m.end()
	}
	if len(s.Bared) > 0 {
		m.open(`parley_bared`)
		integersOf(m, s.Bared, func(id int64) int64 { return id })
		m.end()
	}
}

func reactionKeys[E any](m *message, rows []E, key func(E) posts.ReactionKey) {
	integersOf(m, rows, func(e E) int64 { return key(e).ID })
	textsOf(m, rows, func(e E) string { return key(e).Username })
	textsOf(m, rows, func(e E) string { return key(e).Emoji })
}
