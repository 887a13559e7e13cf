package repository

import (
	"context"
	"database/sql"

	"parley/chat"
)

// access is how an actor stands to a chat that he may know of.
type access struct {
	// Role is empty for one who is no member.
	Role       chat.Role       `db:"role"`
	Title      string          `db:"title"`
	Visibility chat.Visibility `db:"visibility"`
	// LastMessage is the id of the chat's newest message, if it has any.
	LastMessage sql.NullInt64 `db:"last_message"`
}

func (s access) member() bool { return s.Role != "" }

// access reads how the actor stands to a chat. A chat that he may not know of
// is chat.ErrNotFound, exactly as one that does not exist. It does not ask
// whether the actor's session is live.
func (h handle) access(ctx context.Context, actor chat.Actor, chatID string) (s access, err error) {
	err = h.get(ctx, &s, `SELECT COALESCE(m.role, '') AS role, c.title, c.visibility, c.last_message
		FROM chats c
		LEFT JOIN memberships m ON m.chat = c.id AND m.username = ? AND m.left_pos IS NULL
		WHERE c.id = ? AND c.deleted_pos IS NULL AND (c.visibility = 'public' OR m.role IS NOT NULL)`,
		actor.Username, chatID)
	return s, orNotFound(err)
}

// admit is what everything begins with that is asked about a chat: the actor is
// live and may know of it.
func (h handle) admit(ctx context.Context, actor chat.Actor, chatID string) (access, error) {
	if err := live(ctx, h, actor); err != nil {
		return access{}, err
	}
	return h.access(ctx, actor, chatID)
}

// admitMember is admit for what a chat keeps for its members.
func (h handle) admitMember(ctx context.Context, actor chat.Actor, chatID string) (access, error) {
	s, err := h.admit(ctx, actor, chatID)
	if err == nil && !s.member() {
		err = chat.ErrNotAMember
	}
	return s, err
}
