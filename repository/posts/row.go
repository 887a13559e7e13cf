package posts

import (
	"database/sql"
	"encoding/json"
	"strconv"
	"strings"

	"parley/chat"
)

// MessageColumns are those of a [MessageRow], from a table messages called m.
const MessageColumns = `m.id, m.chat, m.seq, m.author, m.text, m.created_at, m.edited_at, m.deleted, m.changed_pos,
	m.reply_to, m.client_id, m.reactions`

// MessageRow is a message as it is stored.
type MessageRow struct {
	ID        int64          `db:"id"`
	Chat      string         `db:"chat"`
	Seq       int64          `db:"seq"`
	Author    string         `db:"author"`
	Text      string         `db:"text"`
	CreatedAt int64          `db:"created_at"`
	EditedAt  sql.NullInt64  `db:"edited_at"`
	Deleted   bool           `db:"deleted"`
	Changed   sql.NullInt64  `db:"changed_pos"`
	ReplyTo   sql.NullInt64  `db:"reply_to"`
	ClientID  sql.NullString `db:"client_id"`
	Reactions sql.NullString `db:"reactions"`
}

// Fields are where to scan the columns to.
func (r *MessageRow) Fields() []any {
	return []any{
		&r.ID, &r.Chat, &r.Seq, &r.Author, &r.Text, &r.CreatedAt, &r.EditedAt, &r.Deleted, &r.Changed,
		&r.ReplyTo, &r.ClientID, &r.Reactions,
	}
}

// Message is what the row says.
func (r *MessageRow) Message() chat.Message {
	m := chat.Message{
		ID: r.ID, Seq: r.Seq, Chat: r.Chat, Author: r.Author, Text: r.Text,
		CreatedAt: chat.TimeFromMilli(r.CreatedAt), Deleted: r.Deleted, Changed: r.Changed.Int64,
		ReplyTo: r.ReplyTo.Int64, ClientID: r.ClientID.String,
	}
	if r.EditedAt.Valid {
		m.EditedAt = chat.TimeFromMilli(r.EditedAt.Int64)
	}
	if r.Reactions.Valid {
		m.Reactions = readReactions(r.Reactions.String)
	}
	return m
}

// StoredReactions is the form in which a message's reactions are stored; empty is none. It is
// a line for each emoji: the emoji, how many users reacted with it, and the first of them,
// with a space between, which no emoji and no username has. JSON would take five times as long
// to read, and a page has many messages.
func StoredReactions(rs chat.Reactions) string {
	var b []byte
	for i, r := range rs {
		if i > 0 {
			b = append(b, '\n')
		}
		b = append(append(b, r.Emoji...), ' ')
		b = strconv.AppendInt(b, int64(r.Count), 10)
		for _, username := range r.Users {
			b = append(append(b, ' '), username...)
		}
	}
	return string(b)
}

// readReactions reads what StoredReactions wrote. A line that somebody else has put there and
// that has no count shows as none.
func readReactions(stored string) (rs chat.Reactions) {
	for line := range strings.SplitSeq(stored, "\n") {
		emoji, rest, _ := strings.Cut(line, " ")
		count, users, _ := strings.Cut(rest, " ")
		n, err := strconv.Atoi(count)
		if err != nil {
			continue
		}
		if rs == nil {
			rs = make(chat.Reactions, 0, 1+strings.Count(stored, "\n"))
		}
		rs = append(rs, chat.Reaction{Emoji: emoji, Count: n, Users: strings.Fields(users)})
	}
	return rs
}

// NoMessageOr selects the columns of a [MessageRow] that is the field name, from an outer
// join of a table messages. Where there is none its ID is 0.
func NoMessageOr(table, field string) string {
	return strings.NewReplacer("m.", table+".", "f.", field+".").Replace(`COALESCE(m.id, 0) AS "f.id", COALESCE(m.chat, '') AS "f.chat",
		COALESCE(m.seq, 0) AS "f.seq", COALESCE(m.author, '') AS "f.author", COALESCE(m.text, '') AS "f.text",
		COALESCE(m.created_at, 0) AS "f.created_at", m.edited_at AS "f.edited_at", COALESCE(m.deleted, false) AS "f.deleted",
		m.changed_pos AS "f.changed_pos", m.reply_to AS "f.reply_to", m.client_id AS "f.client_id", m.reactions AS "f.reactions"`)
}

// Texts reads a JSON array of texts, as the databases make it of many rows; NULL is none.
func Texts(list sql.NullString) (texts []string, err error) {
	if list.Valid {
		err = json.Unmarshal([]byte(list.String), &texts)
	}
	return texts, err
}
