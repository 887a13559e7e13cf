package repository

import (
	"context"
	"database/sql"
	"errors"

	"parley/chat"
)

// live is nil if the actor's session has not ended, is his own, and he is not
// disabled; otherwise chat.ErrSessionEnded. When the token ends is not asked
// here: that was decided with its signature.
func live(ctx context.Context, h handle, actor chat.Actor) error {
	var one int
	err := h.get(ctx, &one, `SELECT 1 FROM sessions s JOIN users u ON u.username = s.username
		WHERE s.id = ? AND s.username = ? AND s.ended_pos IS NULL AND u.disabled_pos IS NULL`,
		actor.Session, actor.Username)
	if errors.Is(err, sql.ErrNoRows) {
		return chat.ErrSessionEnded
	}
	return err
}
