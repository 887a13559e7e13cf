package repository

import (
	"context"
	"math"
	"slices"

	"parley/chat"
)

// Message implements [chat.Messages].
func (r *Repository) Message(ctx context.Context, actor chat.Actor, id int64) (_ chat.Message, err error) {
	defer wrap(&err, "reading a message")
	return snapshot(ctx, r, actor, func(ctx context.Context, h handle) (none chat.Message, err error) {
		if err := live(ctx, h, actor); err != nil {
			return none, err
		}
		var row messageRow
		if err := h.get(ctx, &row, `SELECT `+messageColumns+` FROM messages m WHERE m.id = ?`, id); err != nil {
			return none, orNotFound(err)
		}
		own, err := h.access(ctx, actor, row.Chat)
		switch {
		case err != nil:
			return none, err
		case !own.member():
			return none, chat.ErrNotAMember
		}
		return row.message(), nil
	})
}

// History implements [chat.Messages].
func (r *Repository) History(ctx context.Context, actor chat.Actor, chatID string, q chat.HistoryQuery) (_ chat.History, err error) {
	defer wrap(&err, "reading a chat's history")
	return snapshot(ctx, r, actor, func(ctx context.Context, h handle) (none chat.History, err error) {
		own, err := h.admitMember(ctx, actor, chatID)
		if err != nil {
			return none, err
		}
		head, err := h.head(ctx)
		if err != nil {
			return none, err
		}
		var page chat.History
		switch newest := own.LastMessage.Int64; {
		case q.After != nil:
			page, err = h.historyAfter(ctx, chatID, *q.After, q.Limit)
		case q.Before != nil:
			page, err = h.historyBefore(ctx, chatID, *q.Before, q.Limit)
			page.Later = newest >= *q.Before
		default:
			page, err = h.historyBefore(ctx, chatID, math.MaxInt64, q.Limit)
		}
		page.Cursor = cursor(page, q, head)
		return page, err
	})
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

// historyBefore reads the newest messages before a position, and whether there
// are earlier ones.
func (h handle) historyBefore(ctx context.Context, chatID string, before int64, limit int) (chat.History, error) {
	page, more, err := h.messages(ctx, backward, chatID, before, limit)
	slices.Reverse(page)
	return chat.History{Messages: page, Earlier: more}, err
}

// historyAfter reads the oldest messages after a position, and whether there are
// others on either side.
func (h handle) historyAfter(ctx context.Context, chatID string, after int64, limit int) (chat.History, error) {
	page, later, err := h.messages(ctx, forward, chatID, after, limit)
	if err != nil {
		return chat.History{}, err
	}
	_, earlier, err := h.messages(ctx, backward, chatID, min(after, math.MaxInt64-1)+1, 0)
	return chat.History{Messages: page, Earlier: earlier, Later: later}, err
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

// messages reads at most limit messages of a chat on one side of a position, and
// whether there are more on that side. It costs the same however many there are.
func (h handle) messages(ctx context.Context, walk, chatID string, pos int64, limit int) (page []chat.Message, more bool, err error) {
	var rows []messageRow
	err = h.all(ctx, &rows, `SELECT `+messageColumns+walk, chatID, pos, limit+1)
	if more = len(rows) > limit; more {
		rows = rows[:limit]
	}
	page = make([]chat.Message, len(rows))
	for i, row := range rows {
		page[i] = row.message()
	}
	return page, more, err
}
