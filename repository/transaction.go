package repository

import (
	"context"
	"fmt"

	"parley/chat"
)

// transaction is what the changes of one batch do behind the head's lock. Everything
// that it reads is as it will be at the next position, because no other transaction can
// write until it ends.
type transaction struct {
	handle
	// now is the one reading of the clock for the whole batch.
	now chat.Time
	// pos is the last position taken, by this batch or before it.
	pos int64
	// events are those that this batch appended, in order.
	events []chat.Event
	// dirty says that there is something to commit.
	dirty bool
}

// exec is handle's, and notes that there is something to commit. A statement that
// changes rows and answers some does not note it; it needs one beside it that does.
func (tx *transaction) exec(ctx context.Context, query string, args ...any) (int64, error) {
	n, err := tx.handle.exec(ctx, query, args...)
	if err == nil {
		tx.dirty = true
	}
	return n, err
}

// append gives ev the next position and, where it belongs to a chat, the chat's next
// seq, writes its row and raises the chat's seq and head. The chat must have a row
// already (its seq may be 0). It returns ev with Pos and Seq.
func (tx *transaction) append(ctx context.Context, ev chat.Event) (chat.Event, error) {
	ev.Pos = tx.pos + 1
	var seq any
	if ev.Chat != "" {
		err := tx.get(ctx, &ev.Seq, `UPDATE chats SET seq = seq + 1, head = ? WHERE id = ? RETURNING seq`, ev.Pos, ev.Chat)
		if err != nil {
			return ev, fmt.Errorf("numbering an event of a chat: %w", err)
		}
		seq = ev.Seq
	}
	_, err := tx.exec(ctx, `INSERT INTO events (pos, kind, chat, seq, at, username, role, title, visibility, session)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		ev.Pos, string(ev.Kind), nullable(ev.Chat), seq, tx.now.UnixMilli(), nullable(ev.Username), nullable(string(ev.Role)),
		eventTitle(ev), nullable(string(ev.Visibility)), nullable(ev.Session))
	if err != nil {
		return ev, fmt.Errorf("appending an event: %w", err)
	}
	tx.pos = ev.Pos
	tx.events = append(tx.events, ev)
	return ev, nil
}

// eventTitle keeps an empty title, which a chat may have, apart from no title.
func eventTitle(ev chat.Event) any {
	if ev.Kind == chat.KindChatUpdated {
		return ev.Title
	}
	return nil
}
