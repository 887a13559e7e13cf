package repository

import (
	"cmp"
	"context"

	"parley/chat"
)

// selectMembers reads the present members of the chat that is its first argument.
const selectMembers = `SELECT m.username, u.display_name, m.role, m.joined_at
	FROM memberships m JOIN users u ON u.username = m.username
	WHERE m.chat = ? AND m.left_pos IS NULL AND u.closed_pos IS NULL`

// memberRow is a row of selectMembers.
type memberRow struct {
	Username    string    `db:"username"`
	DisplayName string    `db:"display_name"`
	Role        chat.Role `db:"role"`
	JoinedAt    int64     `db:"joined_at"`
	// Disabled is of a user that handle.member has read.
	Disabled bool `db:"disabled"`
}

func (m memberRow) member() chat.Member {
	return chat.Member{Username: m.Username, DisplayName: m.DisplayName, Role: m.Role, JoinedAt: chat.TimeFromMilli(m.JoinedAt)}
}

// member reads a user as a present member of a chat; one who is none has no role.
// chat.ErrNotFound where there is no such user.
func (h handle) member(ctx context.Context, chatID, username string) (m memberRow, err error) {
	err = h.get(ctx, &m, `SELECT u.username, u.display_name, u.disabled_pos IS NOT NULL AS disabled,
			COALESCE(m.role, '') AS role, COALESCE(m.joined_at, 0) AS joined_at
		FROM users u LEFT JOIN memberships m ON m.chat = ? AND m.username = u.username AND m.left_pos IS NULL
		WHERE u.username = ?`, chatID, username)
	return m, orNotFound(err)
}

// Members implements [chat.Chats].
func (r *Repository) Members(ctx context.Context, actor chat.Actor, chatID string, q chat.ListQuery) (_ chat.Page[chat.Member], err error) {
	defer wrap(&err, "reading a chat's members")
	return snapshotRows(ctx, r, actor, q.Limit, func(ctx context.Context, h handle) (none chat.Page[chat.Member], err error) {
		if _, err := h.admit(ctx, actor, chat.ReadMembers, chatID); err != nil {
			return none, err
		}
		return h.members(ctx, chatID, q)
	})
}

// members reads a page of a chat's members.
func (h handle) members(ctx context.Context, chatID string, q chat.ListQuery) (chat.Page[chat.Member], error) {
	return list(ctx, h, memberRow.member, q, selectMembers+` AND m.username > ? ORDER BY m.username LIMIT ?`, chatID)
}

// join makes a user that is no member of the chat one, at the chat's next seq: an interval
// begins.
func (tx *transaction) join(seq int64, chatID, username string, role chat.Role) {
	pos := tx.append(chat.Event{Kind: chat.KindMemberJoined, Chat: chatID, Seq: seq, Username: username, Role: role})
	tx.later(`INSERT INTO memberships (username, chat, joined_pos, role, joined_at, seen)
		VALUES (?, ?, ?, ?, ?, (SELECT messages FROM chats WHERE id = ?))`,
		username, chatID, pos, string(role), tx.now.UnixMilli(), chatID)
}

// PutMember implements [chat.Chats].
func (r *Repository) PutMember(ctx context.Context, actor chat.Actor, chatID, username string, role chat.Role) (_ chat.Member, err error) {
	defer wrap(&err, "putting a member")
	asks := askMemberFacts(actor, chatID, username, r.maxChats)
	return writeKnowing(ctx, r, actor.Username, asks, func(ctx context.Context, tx *transaction, f memberFacts) (none chat.Member, err error) {
		err = f.decide(actor, chat.JoinChat, chatID)
		if err == nil {
			err = mayPut(f.access, actor, chatID, username, role)
		}
		switch {
		case err != nil:
			return none, err
		case f.Member.Username == "", f.Member.Disabled:
			return none, chat.ErrNotFound
		}
		err = tx.put(ctx, &f, actor, chatID, role)
		return f.Member.member(), err
	})
}

// mayPut refuses what needs no look at whom it is about.
func mayPut(own access, actor chat.Actor, chatID, username string, role chat.Role) error {
	switch {
	case username != actor.Username:
		return own.decide(actor, chat.ManageMembers, chatID)
	case !own.member() && role != "" && role != chat.RoleMember:
		return chat.ErrForbidden
	}
	return nil
}

// put makes a user a member, or changes the member's role, where that is a change.
func (tx *transaction) put(ctx context.Context, f *memberFacts, actor chat.Actor, chatID string, role chat.Role) error {
	was := f.Member
	action := chat.ManageMembers
	switch {
	case role == chat.RoleOwner && was.Role != role:
		action = chat.ManageOwners
	case was.Role == "" && was.Username == actor.Username:
		action = chat.JoinChat
	case was.Role != "" && (role == "" || role == was.Role):
		return nil
	}
	if err := f.decide(actor, action, chatID); err != nil {
		return err
	}
	if was.Role == "" {
		if f.Full {
			return chat.ErrTooManyChats
		}
		f.Member.Role, f.Member.JoinedAt = cmp.Or(role, chat.RoleMember), tx.now.UnixMilli()
		tx.join(f.Seq+1, chatID, was.Username, f.Member.Role)
		return nil
	}
	if err := tx.guardOwners(ctx, f, actor, chatID); err != nil {
		return err
	}
	tx.append(chat.Event{Kind: chat.KindMemberUpdated, Chat: chatID, Seq: f.Seq + 1, Username: was.Username, Role: role})
	f.Member.Role = role
	tx.later(`UPDATE memberships SET role = ? WHERE chat = ? AND username = ? AND left_pos IS NULL`,
		string(role), chatID, was.Username)
	return nil
}

// RemoveMember implements [chat.Chats].
func (r *Repository) RemoveMember(ctx context.Context, actor chat.Actor, chatID, username string) (err error) {
	defer wrap(&err, "removing a member")
	action := chat.ManageMembers
	if username == actor.Username {
		action = chat.LeaveChat
	}
	asks := askMemberFacts(actor, chatID, username, 0)
	_, err = writeKnowing(ctx, r, actor.Username, asks, func(ctx context.Context, tx *transaction, f memberFacts) (none struct{}, err error) {
		switch err := f.decide(actor, action, chatID); {
		case err != nil:
			return none, err
		case f.Member.Role == "":
			return none, chat.ErrNotFound
		}
		if err := tx.guardOwners(ctx, &f, actor, chatID); err != nil {
			return none, err
		}
		tx.leave(f.Seq+1, chatID, f.Member)
		return none, nil
	})
	return err
}

// leave ends a membership: its interval ends at the position of the event, which has the
// chat's next seq.
func (tx *transaction) leave(seq int64, chatID string, was memberRow) {
	pos := tx.append(chat.Event{Kind: chat.KindMemberLeft, Chat: chatID, Seq: seq, Username: was.Username, Role: was.Role})
	tx.later(`UPDATE memberships SET left_pos = ? WHERE chat = ? AND username = ? AND left_pos IS NULL`,
		pos, chatID, was.Username)
}

// anotherOwner finds an owner of the chat that is its first argument, other than the user
// that is its second. One who is disabled is nobody to leave a chat to.
const anotherOwner = `SELECT 1 FROM memberships m JOIN users u ON u.username = m.username
	WHERE m.chat = ? AND m.username <> ? AND m.role = 'owner' AND m.left_pos IS NULL AND u.disabled_pos IS NULL
	LIMIT 1`

// guardOwners keeps an owner from losing that role to one who is none, and a chat from
// losing its last owner.
func (tx *transaction) guardOwners(ctx context.Context, f *memberFacts, actor chat.Actor, chatID string) error {
	if f.Member.Role != chat.RoleOwner {
		return nil
	}
	if err := f.decide(actor, chat.ManageOwners, chatID); err != nil {
		return err
	}
	another, err := tx.exists(ctx, anotherOwner, chatID, f.Member.Username)
	if err == nil && !another {
		err = chat.ErrLastOwner
	}
	return err
}
