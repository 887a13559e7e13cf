package repository

import (
	"context"

	"parley/chat"
)

// AdmitTyping implements [chat.Signals].
func (r *Repository) AdmitTyping(ctx context.Context, actor chat.Actor, chatID string) (head int64, err error) {
	defer wrap(&err, "admitting a signal")
	return readAs(ctx, r, actor, func(ctx context.Context, h handle) (int64, error) {
		var row struct {
			access
			Head int64 `db:"head"`
		}
		err := h.get(ctx, &row, `SELECT `+accessColumns+`, h.pos AS head
			FROM head h LEFT JOIN chats c ON c.id = ? AND c.deleted_pos IS NULL`+joinMember+` WHERE h.one = 1`,
			actor.Session, actor.Username, chatID, actor.Username)
		if err == nil {
			err = row.decide(actor, chat.ShowTyping, chatID)
		}
		return row.Head, err
	})
}
