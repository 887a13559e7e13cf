package repository

import (
	"database/sql"
	"strings"

	"parley/chat"
)

// messageColumns are those of a messageRow, from a table messages called m.
const messageColumns = `m.id, m.chat, m.seq, m.author, m.text, m.created_at, m.reply_to, m.client_id`

// messageRow is a message as it is stored.
type messageRow struct {
	ID        int64          `db:"id"`
	Chat      string         `db:"chat"`
	Seq       int64          `db:"seq"`
	Author    string         `db:"author"`
	Text      string         `db:"text"`
	CreatedAt int64          `db:"created_at"`
	ReplyTo   sql.NullInt64  `db:"reply_to"`
	ClientID  sql.NullString `db:"client_id"`
}

// noMessageOr selects the columns of a messageRow that is the field name, from an outer
// join of a table messages. Where there is none its ID is 0.
func noMessageOr(table, field string) string {
	return strings.NewReplacer("m.", table+".", "f.", field+".").Replace(`COALESCE(m.id, 0) AS "f.id", COALESCE(m.chat, '') AS "f.chat",
		COALESCE(m.seq, 0) AS "f.seq", COALESCE(m.author, '') AS "f.author", COALESCE(m.text, '') AS "f.text",
		COALESCE(m.created_at, 0) AS "f.created_at", m.reply_to AS "f.reply_to", m.client_id AS "f.client_id"`)
}

func (m messageRow) message() chat.Message {
	return chat.Message{
		ID: m.ID, Seq: m.Seq, Chat: m.Chat, Author: m.Author, Text: m.Text,
		CreatedAt: chat.TimeFromMilli(m.CreatedAt),
		ReplyTo:   m.ReplyTo.Int64, ClientID: m.ClientID.String,
	}
}
