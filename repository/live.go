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

// decide decides an action that is about no chat in particular.
func (h handle) decide(ctx context.Context, actor chat.Actor, action chat.Action) error {
	var s struct{ Live, Admin bool }
	err := h.get(ctx, &s, `SELECT `+isLive+` AS live,
		EXISTS (SELECT 1 FROM users WHERE username = ? AND admin) AS admin`,
		actor.Session, actor.Username, actor.Username)
	if err != nil {
		return err
	}
	return chat.Decide(actor, action, "", chat.Standing{Live: s.Live, Admin: s.Admin})
}
