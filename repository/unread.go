package repository

import (
	"context"
	"fmt"
)

// countAfter is behind how many positions a batch counts anew who wrote what. It
// bounds what has to be read to know what is unread: so many messages, and one
// batch more.
const countAfter = 1024

// unread is what a member m of a chat c has not read, with h for the head: all
// messages of the chat but those that are counted as no news to him and those that
// he wrote since. Only of a chat that has messages since then are any read, and only
// those, by the index messages_chat.
func (d *dialect) unread() string {
	return `c.messages - m.seen - CASE WHEN c.last_message <= h.counted THEN 0 ELSE (
			SELECT count(*) FROM messages o WHERE o.chat = c.id AND o.author = m.username AND ` + d.uncounted + `) END`
}

// counted is up to where a member's own messages are counted.
const counted = `CASE WHEN m.joined_pos > h.counted THEN m.joined_pos ELSE h.counted END`

// ownSince notes for each member how many of the messages between two positions are
// his own. The memberships are all there: as in parley_chats, their "insertion" and
// the look into them row by row leave a planner no choice but the index.
const ownSince = `INSERT INTO memberships (chat, username, joined_pos, role, joined_at, seen)
	SELECT o.chat, o.author, 0, '', 0, count(*)
	FROM (SELECT m.chat, m.author, m.id, (SELECT joined_pos FROM memberships
			WHERE chat = m.chat AND username = m.author AND left_pos IS NULL LIMIT 1) AS joined_pos
		FROM messages m WHERE m.id > ? AND m.id <= ?) o
	WHERE o.joined_pos < o.id
	GROUP BY o.chat, o.author
	ON CONFLICT (chat, username) WHERE left_pos IS NULL DO UPDATE SET seen = memberships.seen + excluded.seen`

// countOwn counts on from where the head says that it was counted. To count with
// each post would take a membership's row each, and so a page of so many more than
// the chats have.
func (u *unit) countOwn(ctx context.Context) error {
	to := min(u.found.pos, u.found.counted+2*countAfter) // writers leave no more behind
	_, err := u.exec(ctx, ownSince, u.found.counted, to)
	if err == nil {
		_, err = u.exec(ctx, `UPDATE head SET counted = ?`, to)
	}
	if err != nil {
		return fmt.Errorf("counting everybody's own messages: %w", err)
	}
	u.counted = to
	return nil
}
