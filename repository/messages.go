package repository

import (
	"context"
	"errors"
	"math"

	"parley/chat"
)

// Message implements [chat.Messages].
func (r *Repository) Message(ctx context.Context, actor chat.Actor, id int64) (_ chat.Message, err error) {
	defer wrap(&err, "reading a message")
	return readAs(ctx, r, actor, func(ctx context.Context, h handle) (none chat.Message, err error) {
		var row struct {
			access
			Message messageRow `db:"message"`
		}
		err = h.get(ctx, &row, `SELECT `+accessColumns+`, `+noMessageOr("m", "message")+`
			FROM (SELECT 1 AS one) asked LEFT JOIN messages m ON m.id = ?
			LEFT JOIN chats c ON c.id = m.chat AND c.deleted_pos IS NULL`+joinMember,
			actor.Session, actor.Username, id, actor.Username)
		if err == nil {
			err = row.decide(actor, chat.ReadMessages, row.Message.Chat)
		}
		if errors.Is(err, chat.ErrInsufficientScope) && actor.Covers(chat.ReadMessages, "") == nil {
			// The request names no chat, so that this is told of none.
			err = chat.ErrNotFound
		}
		if err != nil {
			return none, err
		}
		return row.Message.message(), nil
	})
}

// History implements [chat.Messages].
func (r *Repository) History(ctx context.Context, actor chat.Actor, chatID string, q chat.HistoryQuery) (_ chat.History, err error) {
	defer wrap(&err, "reading a chat's history")
	return readAs(ctx, r, actor, func(ctx context.Context, h handle) (none chat.History, err error) {
		rows, err := h.history(ctx, actor, chatID, q)
		if err == nil {
			err = rows[0].decide(actor, chat.ReadMessages, chatID)
		}
		if err != nil {
			return none, err
		}
		return historyPage(rows, q), nil
	})
}

// historyRow is one of the messages of a page, oldest first, or none; and by what the page
// is decided, which is the same in each of its rows.
type historyRow struct {
	access
	Head    int64      `db:"head"`
	Earlier bool       `db:"earlier"`
	Message messageRow `db:"message"`
}

// historyPage is the page of its rows, of which there is one more than asked where there
// are more messages on that side.
func historyPage(rows []historyRow, q chat.HistoryQuery) (page chat.History) {
	page.Messages = make([]chat.Message, 0, len(rows))
	for _, row := range rows {
		if row.Message.ID != 0 {
			page.Messages = append(page.Messages, row.Message.message())
		}
	}
	more := len(page.Messages) > q.Limit
	switch {
	case q.After != nil:
		page.Messages = page.Messages[:min(len(page.Messages), q.Limit)]
		page.Earlier, page.Later = rows[0].Earlier, more
	default:
		page.Messages = page.Messages[max(0, len(page.Messages)-q.Limit):]
		page.Earlier, page.Later = more, q.Before != nil && rows[0].LastMessage.Int64 >= *q.Before
	}
	page.Cursor = cursor(page, q, rows[0].Head)
	return page
}

// cursor is the position to which a page takes its reader. One that reaches to
// the chat's newest message takes him to the head of the log as it stood when the
// page was read: whatever is behind it is not in the page, and whatever is not
// behind it is. Another takes him to its last message, so that a stream brings
// what lies between the page and the present.
func cursor(page chat.History, q chat.HistoryQuery, head int64) int64 {
	switch n := len(page.Messages); {
	case !page.Later:
		return head
	case n > 0:
		return page.Messages[n-1].ID
	default: // there are only messages that are not before q.Before
		return max(0, *q.Before-1)
	}
}

// history reads a page and one message more, in one statement: one round trip, and one
// moment.
func (h handle) history(ctx context.Context, actor chat.Actor, chatID string, q chat.HistoryQuery) (rows []historyRow, err error) {
	walk, pos, earlier := backward, int64(math.MaxInt64), `false`
	args := []any{actor.Session, actor.Username}
	switch {
	case q.After != nil:
		walk, pos = forward, *q.After
		earlier = `(SELECT m.id` + backward + `) IS NOT NULL`
		args = append(args, chatID, min(pos, math.MaxInt64-1)+1, 1)
	case q.Before != nil:
		pos = *q.Before
	}
	err = h.all(ctx, &rows, `SELECT `+accessColumns+`, h.pos AS head, `+earlier+` AS earlier, `+noMessageOr("p", "message")+`
		FROM head h LEFT JOIN chats c ON c.id = ? AND c.deleted_pos IS NULL`+joinMember+`
		LEFT JOIN (SELECT `+messageColumns+walk+`) p ON i.role IS NOT NULL
		WHERE h.one = 1 ORDER BY p.id`,
		append(args, chatID, actor.Username, chatID, pos, q.Limit+1)...)
	return rows, err
}

// These walk through a chat's messages from a position on, and need the chat,
// the position and a limit. There is no NULL among the ids. The words keep
// PostgreSQL to the index messages_chat, which alone is sorted in this way; else
// it walks through the primary key where its statistics say that a chat is busy,
// past everything said elsewhere since it last was. To SQLite they say nothing
// new.
const (
	backward = ` FROM messages m WHERE m.chat = ? AND m.id < ? ORDER BY m.id DESC NULLS LAST LIMIT ?`
	forward  = ` FROM messages m WHERE m.chat = ? AND m.id > ? ORDER BY m.id NULLS FIRST LIMIT ?`
)
