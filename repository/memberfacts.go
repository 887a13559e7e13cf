package repository

import (
	"context"

	"parley/chat"
)

// memberFacts are what a change of somebody's membership is decided by. They are read at once: behind
// the head's lock everybody waits for each round trip.
type memberFacts struct {
	// access is how the actor stands to the chat.
	access
	// Member is the user whom the change is about; without a name if there is none.
	Member memberRow `db:"member"`
	// Full says of one who is no member that he is in as many chats as a user may be in.
	Full bool `db:"full"`
}

// selectMemberFacts reads them; full is an expression for whether the user of a membership m may be
// in no more chats. Its arguments are the actor's session and name, those of full, the
// chat, the actor's name and the user's.
func selectMemberFacts(full string) string {
	return `SELECT ` + accessColumns + `,
			COALESCE(u.username, '') AS "member.username", COALESCE(u.display_name, '') AS "member.display_name",
			u.disabled_pos IS NOT NULL AS "member.disabled",
			COALESCE(m.role, '') AS "member.role", COALESCE(m.joined_at, 0) AS "member.joined_at",
			m.role IS NULL AND ` + full + ` AS "full"
		FROM (SELECT 1 AS one) asked LEFT JOIN chats c ON c.id = ? AND c.deleted_pos IS NULL` + joinMember + `
			LEFT JOIN users u ON u.username = ?
			LEFT JOIN memberships m ON m.chat = c.id AND m.username = u.username AND m.left_pos IS NULL`
}

// askMemberFacts reads what a change of a user's membership is decided by. most is how many
// chats the user may be in if it is to be one more; 0 is any number.
func askMemberFacts(actor chat.Actor, chatID, username string, most int) statement {
	args := []any{actor.Session, actor.Username}
	full := `false`
	if most > 0 {
		full = inTooManyChats
		args = append(args, tooManyChats(username, most)...)
	}
	return statement{selectMemberFacts(full), append(args, chatID, actor.Username, username)}
}

// inTooManyChats says whether a user is in as many chats as it may be in. The rows of deleted
// chats are closed later, and not counted; a limit bounds the count all the same. tooManyChats
// are its arguments.
const inTooManyChats = `(SELECT count(going.id) >= ? OR count(*) >= ?
	FROM (SELECT chat FROM memberships WHERE username = ? AND left_pos IS NULL LIMIT ?) present
	LEFT JOIN chats going ON going.id = present.chat AND going.deleted_pos IS NULL)`

func tooManyChats(username string, most int) []any { return []any{most, 2 * most, username, 2 * most} }

// guardChats keeps a user from being in more than most chats; 0 is any number.
func (tx *transaction) guardChats(ctx context.Context, username string, most int) error {
	if most == 0 {
		return nil
	}
	var full bool
	if err := tx.get(ctx, &full, `SELECT `+inTooManyChats, tooManyChats(username, most)...); err != nil {
		return err
	}
	if full {
		return chat.ErrTooManyChats
	}
	return nil
}
