package repository

import (
	"context"
	"database/sql"

	"parley/chat"
)

// access is how an actor stands to a chat.
type access struct {
	Live bool `db:"live"`
	// Role is empty for one who is no member.
	Role       chat.Role       `db:"role"`
	Title      string          `db:"title"`
	Visibility chat.Visibility `db:"visibility"`
	// Seq is the chat's latest.
	Seq int64 `db:"seq"`
	// LastMessage is the id of the chat's newest message, if it has any.
	LastMessage sql.NullInt64 `db:"last_message"`
}

func (s access) member() bool { return s.Role != "" }

// accessColumns are those of an access to the chat c by its member i. Their arguments are
// the actor's session and name; joinMember has that name for its one argument.
const (
	accessColumns = isLive + ` AS live, COALESCE(i.role, '') AS role,
		COALESCE(c.title, '') AS title, COALESCE(c.visibility, '') AS visibility, COALESCE(c.seq, 0) AS seq, c.last_message`
	joinMember = ` LEFT JOIN memberships i ON i.chat = c.id AND i.username = ? AND i.left_pos IS NULL`
)

// allowed refuses an actor whose session is over, and one who may not know of the chat: it
// is chat.ErrNotFound, exactly as one that does not exist.
func (s access) allowed() error {
	switch {
	case !s.Live:
		return chat.ErrSessionEnded
	case s.Visibility != chat.Public && !s.member():
		return chat.ErrNotFound
	}
	return nil
}

// allowedMember is allowed for what a chat keeps for its members.
func (s access) allowedMember() error {
	err := s.allowed()
	if err == nil && !s.member() {
		err = chat.ErrNotAMember
	}
	return err
}

// admit is what everything begins with that is asked about a chat: the actor is
// live and may know of it.
func (h handle) admit(ctx context.Context, actor chat.Actor, chatID string) (s access, err error) {
	err = h.get(ctx, &s, `SELECT `+accessColumns+`
		FROM (SELECT 1 AS one) asked LEFT JOIN chats c ON c.id = ? AND c.deleted_pos IS NULL`+joinMember,
		actor.Session, actor.Username, chatID, actor.Username)
	if err == nil {
		err = s.allowed()
	}
	return s, err
}

// admitMember is admit for what a chat keeps for its members.
func (h handle) admitMember(ctx context.Context, actor chat.Actor, chatID string) (access, error) {
	s, err := h.admit(ctx, actor, chatID)
	if err == nil {
		err = s.allowedMember()
	}
	return s, err
}
