package repository

import (
	"context"
	"database/sql"
	"time"

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
	// deferred is what handle's statements go through.
	deferred *deferred
	// answered is the question that was answered before the change that runs began, if it is its own.
	answered *question
}

func newTransaction(h handle, began time.Time, pos int64) *transaction {
	q := &deferred{queryer: h.q, d: h.d}
	return &transaction{handle: handle{q, h.d}, deferred: q, now: chat.NewTime(began), pos: pos}
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

// later runs a statement before the next question, or at the end of the transaction. It must
// not matter to the change how many rows it changes.
func (tx *transaction) later(query string, args ...any) {
	tx.deferred.kept = append(tx.deferred.kept, statement{tx.d.rebind(query), args})
	tx.dirty = true
}

// append gives ev the next position, writes its row and, where it belongs to a chat,
// raises the chat's seq and head. ev has the chat's next Seq, and the chat has a row
// already. It returns the position.
func (tx *transaction) append(ev chat.Event) (pos int64) {
	tx.pos++
	ev.Pos = tx.pos
	if ev.Chat != "" {
		tx.later(`UPDATE chats SET seq = ?, head = ? WHERE id = ?`, ev.Seq, ev.Pos, ev.Chat)
	}
	tx.later(`INSERT INTO events (pos, kind, chat, seq, at, username, role, title, visibility, session)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		ev.Pos, string(ev.Kind), nullable(ev.Chat), sql.NullInt64{Int64: ev.Seq, Valid: ev.Chat != ""}, tx.now.UnixMilli(),
		nullable(ev.Username), nullable(string(ev.Role)), eventTitle(ev), nullable(string(ev.Visibility)), nullable(ev.Session))
	tx.events = append(tx.events, ev)
	return ev.Pos
}

// eventTitle keeps an empty title, which a chat may have, apart from no title.
func eventTitle(ev chat.Event) any {
	if ev.Kind == chat.KindChatUpdated {
		return ev.Title
	}
	return nil
}
