package repository

import (
	"context"
	"errors"
	"math"

	"parley/chat"
	"parley/repository/posts"
)

// Message implements [chat.Messages].
func (r *Repository) Message(ctx context.Context, actor chat.Actor, id int64) (_ chat.Message, err error) {
	defer wrap(&err, "reading a message")
	return readAs(ctx, r, actor, func(ctx context.Context, h handle) (none chat.Message, err error) {
		found, err := h.message(ctx, actor, chat.ReadMessages, id)
		if err != nil {
			return none, err
		}
		m := []chat.Message{found}
		err = h.showOwn(ctx, actor.Username, m)
		return m[0], err
	})
}

// message reads a message with which the actor may do something.
func (h handle) message(ctx context.Context, actor chat.Actor, action chat.Action, id int64) (none chat.Message, err error) {
	var row struct {
		access
		Message messageRow `db:"message"`
	}
	err = h.get(ctx, &row, `SELECT `+accessColumns+`, `+posts.NoMessageOr("m", "message")+`
		FROM (SELECT 1 AS one) asked LEFT JOIN messages m ON m.id = ?
		LEFT JOIN chats c ON c.id = m.chat AND c.deleted_pos IS NULL`+joinMember,
		actor.Session, actor.Username, id, actor.Username)
	if err == nil {
		err = row.decide(actor, action, row.Message.Chat)
	}
	if err != nil {
		return none, unnamed(actor, action, err)
	}
	return row.Message.Message(), nil
}

// unnamed is the refusal of a request that names no chat, so that what a script token of
// other chats lacks is told of none.
func unnamed(actor chat.Actor, action chat.Action, err error) error {
	if errors.Is(err, chat.ErrInsufficientScope) && actor.Covers(action, "") == nil {
		return chat.ErrNotFound
	}
	return err
}

// History implements [chat.Messages].
func (r *Repository) History(ctx context.Context, actor chat.Actor, chatID string, q chat.HistoryQuery) (_ chat.History, err error) {
	defer wrap(&err, "reading a chat's history")
	return readRows(ctx, r, actor, q.Limit, func(ctx context.Context, h handle) (chat.History, error) {
		return h.readHistory(ctx, actor, chatID, q)
	})
}

// readHistory is a page of a chat's messages as the actor may read it.
func (h handle) readHistory(ctx context.Context, actor chat.Actor, chatID string, q chat.HistoryQuery) (none chat.History, err error) {
	rows, err := h.history(ctx, actor, chatID, q)
	if err == nil {
		err = rows[0].decide(actor, chat.ReadMessages, chatID)
	}
	if err != nil {
		return none, err
	}
	page := historyPage(rows, q)
	return page, h.showOwn(ctx, actor.Username, page.Messages)
}

// Replies implements [chat.Messages].
func (r *Repository) Replies(ctx context.Context, actor chat.Actor, id int64, q chat.HistoryQuery) (_ chat.History, err error) {
	defer wrap(&err, "reading the replies to a message")
	if q.After == nil && q.Before == nil {
		q.After = new(int64)
	}
	return readRows(ctx, r, actor, q.Limit, func(ctx context.Context, h handle) (none chat.History, err error) {
		rows, err := h.replies(ctx, actor, id, q)
		if err == nil {
			err = unnamed(actor, chat.ReadMessages, rows[0].decide(actor, chat.ReadMessages, rows[0].Chat))
		}
		if err != nil {
			return none, err
		}
		page := historyPage(rows, q)
		return page, h.showOwn(ctx, actor.Username, page.Messages)
	})
}

// historyRow is one of the messages of a page, oldest first, or none; and by what the page
// is decided, which is the same in each of its rows.
type historyRow struct {
	access
	// Chat is the page's.
	Chat string `db:"chat"`
	Head int64  `db:"head"`
	// Earlier and Later say, where they are asked, that there are messages on that side.
	Earlier bool       `db:"earlier"`
	Later   bool       `db:"later"`
	Message messageRow `db:"message"`
}

// historyPage is the page of its rows, of which there is one more than asked where there
// are more messages on that side.
func historyPage(rows []historyRow, q chat.HistoryQuery) (page chat.History) {
	page.Messages = make([]chat.Message, 0, len(rows))
	for _, row := range rows {
		if row.Message.ID != 0 {
			page.Messages = append(page.Messages, row.Message.Message())
		}
	}
	more := len(page.Messages) > q.Limit
	switch {
	case q.After != nil:
		page.Messages = page.Messages[:min(len(page.Messages), q.Limit)]
		page.Earlier, page.Later = rows[0].Earlier, more
	default:
		page.Messages = page.Messages[max(0, len(page.Messages)-q.Limit):]
		page.Earlier, page.Later = more, rows[0].Later
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
	walk, pos, earlier, later := backward, int64(math.MaxInt64), `false`, `false`
	args := []any{actor.Session, actor.Username}
	switch {
	case q.After != nil:
		walk, pos = forward, *q.After
		earlier = `(SELECT m.id` + backward + `) IS NOT NULL`
		args = append(args, chatID, min(pos, math.MaxInt64-1)+1, 1)
	case q.Before != nil:
		pos, later = *q.Before, `COALESCE(c.last_message >= ?, false)`
		args = append(args, pos)
	}
	err = h.all(ctx, &rows, `SELECT `+accessColumns+`, COALESCE(c.id, '') AS chat, h.pos AS head, `+earlier+` AS earlier, `+later+` AS later, `+posts.NoMessageOr("p", "message")+`
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

// replies reads a page of the replies to a message and one more, in one statement.
func (h handle) replies(ctx context.Context, actor chat.Actor, id int64, q chat.HistoryQuery) (rows []historyRow, err error) {
	walk, earlier, later := `r.id > ? ORDER BY r.id NULLS FIRST`, `r.id <= ?`, `false AND r.id = ?`
	var pos int64
	if q.After != nil {
		pos = *q.After
	} else {
		walk, pos = `r.id < ? ORDER BY r.id DESC NULLS LAST`, *q.Before
		earlier, later = `false AND r.id = ?`, `r.id >= ?`
	}
	some := `EXISTS (SELECT 1 FROM messages r WHERE r.reply_to = o.id AND `
	err = h.all(ctx, &rows, `SELECT `+accessColumns+`, COALESCE(c.id, '') AS chat, h.pos AS head,
			`+some+earlier+`) AS earlier, `+some+later+`) AS later, `+posts.NoMessageOr("p", "message")+`
		FROM head h LEFT JOIN messages o ON o.id = ?
		LEFT JOIN chats c ON c.id = o.chat AND c.deleted_pos IS NULL`+joinMember+`
		LEFT JOIN (SELECT * FROM messages r WHERE r.reply_to = ? AND `+walk+` LIMIT ?) p ON i.role IS NOT NULL
		WHERE h.one = 1 ORDER BY p.id`,
		actor.Session, actor.Username, pos, pos, id, actor.Username, id, pos, q.Limit+1)
	return rows, err
}
