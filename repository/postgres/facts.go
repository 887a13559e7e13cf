package postgres

import (
	"cmp"
	"database/sql"
	"errors"
	"slices"

	"parley/repository/posts"
)

func chatOf(e *posts.Entry) string     { return e.Chat }
func authorOf(e *posts.Entry) string   { return e.Actor.Username }
func sessionOf(e *posts.Entry) string  { return e.Actor.Session }
func clientIDOf(e *posts.Entry) string { return e.ClientID }
func replyToOf(e *posts.Entry) int64   { return e.ReplyTo }
func posOf(e *posts.Entry) int64       { return e.Pos }
func seqOf(e *posts.Entry) int64       { return e.Seq }
func changedOf(e *posts.Entry) int64   { return e.Change.ID }

// question is one statement that reads facts of some entries.
type question struct {
	entries   []*posts.Entry
	statement string
	arguments func(m *message, entries []*posts.Entry)
	// scan reads a row of the answer into the facts of the entry whose number among
	// entries it begins with, 1 and up. What is not found has no row.
	scan func(rows *sql.Rows, entry func(n int) *posts.Entry) error
}

// ask asks only for what there is to ask of the entries: most permissions are cached,
// and few entries are replies.
func ask(entries []*posts.Entry) (questions []question) {
	switch uncached := without(entries, (*posts.Entry).IsCached); len(uncached) {
	case 0:
	case 1:
		questions = append(questions, question{uncached, `parley_permission`, func(m *message, entries []*posts.Entry) {
			m.literal(entries[0].Chat)
			m.literal(entries[0].Actor.Username)
			m.literal(entries[0].Actor.Session)
		}, scanPermission})
	default:
		questions = append(questions, question{uncached, `parley_actors`, func(m *message, entries []*posts.Entry) {
			m.texts(entries, authorOf)
			m.texts(entries, sessionOf)
		}, scanActor}, question{uncached, `parley_places`, func(m *message, entries []*posts.Entry) {
			m.texts(entries, chatOf)
			m.texts(entries, authorOf)
		}, scanPlace})
	}
	if keyed := only(entries, (*posts.Entry).AsksKey); len(keyed) > 0 {
		questions = append(questions, question{keyed, `parley_keys`, func(m *message, entries []*posts.Entry) {
			m.texts(entries, chatOf)
			m.texts(entries, authorOf)
			m.texts(entries, clientIDOf)
		}, scanKey})
	}
	if replies := only(entries, (*posts.Entry).IsReply); len(replies) > 0 {
		questions = append(questions, question{replies, `parley_replies`, func(m *message, entries []*posts.Entry) {
			m.texts(entries, chatOf)
			m.integers(entries, replyToOf)
		}, scanReply})
	}
	if changes := only(entries, (*posts.Entry).AsksChanged); len(changes) > 0 {
		questions = append(questions, question{changes, `parley_changed`, func(m *message, entries []*posts.Entry) {
			m.integers(entries, changedOf)
			m.texts(entries, authorOf)
			m.texts(entries, (*posts.Entry).NeedsFirst)
			m.integer(int64(posts.FirstUsers(entries)))
		}, scanChanged})
	}
	return questions
}

// askEvents asks for the first events behind a position.
func askEvents(after int64, events *[]posts.Event) question {
	return question{
		statement: `parley_events`,
		arguments: func(m *message, _ []*posts.Entry) {
			m.integer(after)
			m.integer(posts.MaxBehind)
		},
		scan: func(rows *sql.Rows, _ func(n int) *posts.Entry) error {
			var e posts.Event
			var chatID sql.NullString
			var seq sql.NullInt64
			err := rows.Scan(&e.Kind, &chatID, &seq)
			e.Chat, e.Seq = chatID.String, seq.Int64
			*events = append(*events, e)
			return err
		},
	}
}

func only(entries []*posts.Entry, is func(*posts.Entry) bool) []*posts.Entry {
	return without(entries, func(e *posts.Entry) bool { return !is(e) })
}

func without(entries []*posts.Entry, is func(*posts.Entry) bool) []*posts.Entry {
	return slices.DeleteFunc(slices.Clone(entries), is)
}

func (m *message) ask(questions []question) {
	for _, q := range questions {
		m.open(q.statement)
		q.arguments(m, q.entries)
		m.end()
	}
}

// scan reads the answers to the questions, which stand behind another one if
// behindAnother is set.
func scan(rows *sql.Rows, questions []question, behindAnother bool) error {
	for i, q := range questions {
		if (i > 0 || behindAnother) && !rows.NextResultSet() {
			return cmp.Or(rows.Err(), errors.New("the server left out an answer"))
		}
		for rows.Next() {
			if err := q.scan(rows, func(n int) *posts.Entry { return q.entries[n-1] }); err != nil {
				return err
			}
		}
	}
	return rows.Err()
}

func scanPermission(rows *sql.Rows, entry func(n int) *posts.Entry) error {
	var n int
	var p posts.Permission
	var seq sql.NullInt64
	err := rows.Scan(&n, &p.Live, &seq, &p.Visibility, &p.Role)
	if err == nil {
		p.Exists, p.Seq = seq.Valid, seq.Int64
		entry(n).Facts.Permission = p
	}
	return err
}

func scanActor(rows *sql.Rows, entry func(n int) *posts.Entry) error {
	var n int
	var live bool
	err := rows.Scan(&n, &live)
	if err == nil {
		entry(n).Facts.Live = live
	}
	return err
}

func scanPlace(rows *sql.Rows, entry func(n int) *posts.Entry) error {
	var n int
	var p posts.Permission
	err := rows.Scan(&n, &p.Seq, &p.Visibility, &p.Role)
	if err == nil {
		f := &entry(n).Facts
		f.Exists, f.Seq, f.Visibility, f.Role = true, p.Seq, p.Visibility, p.Role
	}
	return err
}

func scanKey(rows *sql.Rows, entry func(n int) *posts.Entry) error {
	var n int
	var hash sql.NullString
	var stored posts.MessageRow
	err := rows.Scan(append([]any{&n, &hash}, stored.Fields()...)...)
	if err == nil {
		entry(n).Repeats(stored.Message(), hash.String)
	}
	return err
}

func scanChanged(rows *sql.Rows, entry func(n int) *posts.Entry) error {
	var n int
	var own, first sql.NullString
	var stored posts.MessageRow
	err := rows.Scan(append([]any{&n, &own, &first}, stored.Fields()...)...)
	if err != nil {
		return err
	}
	found := &entry(n).Change.Found
	found.Message = stored.Message()
	if found.Own, err = posts.Texts(own); err == nil {
		found.First, err = posts.Texts(first)
	}
	return err
}

func scanReply(rows *sql.Rows, entry func(n int) *posts.Entry) error {
	var n int
	var here bool
	err := rows.Scan(&n, &here)
	if err == nil {
		entry(n).Facts.ReplyIsHere = here
	}
	return err
}
