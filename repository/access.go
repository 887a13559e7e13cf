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

// standing is what the action is decided by.
func (s access) standing() chat.Standing {
	return chat.Standing{Live: s.Live, Visibility: s.Visibility, Role: s.Role}
}

// decide decides an action about the chat chatID.
func (s access) decide(actor chat.Actor, action chat.Action, chatID string) error {
	return chat.Decide(actor, action, chatID, s.standing())
}

// admit is what everything begins with that is asked about a chat: it decides whether the
// actor may.
func (h handle) admit(ctx context.Context, actor chat.Actor, action chat.Action, chatID string) (s access, err error) {
	err = h.get(ctx, &s, `SELECT `+accessColumns+`
		FROM (SELECT 1 AS one) asked LEFT JOIN chats c ON c.id = ? AND c.deleted_pos IS NULL`+joinMember,
		actor.Session, actor.Username, chatID, actor.Username)
	if err == nil {
		err = s.decide(actor, action, chatID)
	}
	return s, err
}
