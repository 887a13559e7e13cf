package repository

import (
	"context"

	"parley/chat"
	"parley/repository/posts"
)

// isLive says whether an actor's session, the first argument, gives access to the user
// that is the second. When the token ends is not asked here: that was decided with its
// signature.
const isLive = `EXISTS (SELECT 1 FROM sessions s WHERE s.id = ? AND s.username = ? AND ` + posts.LiveSession + `)`

// live is nil if the actor's session gives access, otherwise chat.ErrSessionEnded.
func live(ctx context.Context, h handle, actor chat.Actor) error {
	var is bool
	err := h.get(ctx, &is, `SELECT `+isLive, actor.Session, actor.Username)
	if err == nil && !is {
		err = chat.ErrSessionEnded
	}
	return err
}
