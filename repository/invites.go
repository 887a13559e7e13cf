package repository

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"time"

	"parley/chat"
)

// inviteColumns are those of an inviteRow, from a table invites called i.
const inviteColumns = `i.code, i.creator, i.signup, i.chat, i.uses, i.used, i.created_at, i.expires_at`

// inviteRow is an invite as it is stored.
type inviteRow struct {
	Code      string         `db:"code"`
	Creator   string         `db:"creator"`
	SignUp    bool           `db:"signup"`
	Chat      sql.NullString `db:"chat"`
	Uses      int64          `db:"uses"`
	Used      int64          `db:"used"`
	CreatedAt int64          `db:"created_at"`
	ExpiresAt int64          `db:"expires_at"`
}

func (i inviteRow) invite() chat.Invite {
	inv := chat.Invite{
		Code: i.Code, Creator: i.Creator, SignUp: i.SignUp, Uses: i.Uses, Used: i.Used,
		CreatedAt: chat.TimeFromMilli(i.CreatedAt), ExpiresAt: chat.TimeFromMilli(i.ExpiresAt),
	}
	if i.Chat.Valid {
		inv.Chat = &i.Chat.String
	}
	return inv
}

// guest is an invite with what it is good for now.
type guest struct {
	inviteRow
	// Live and Admin are of the creator, Role is the creator's in the chat. Visibility is
	// empty where the chat is deleted, or there is none.
	Live       bool            `db:"live"`
	Admin      bool            `db:"admin"`
	Role       chat.Role       `db:"role"`
	Visibility chat.Visibility `db:"visibility"`
	Seq        int64           `db:"seq"`
}

const selectInvite = `SELECT ` + inviteColumns + `, u.disabled_pos IS NULL AS live, u.admin, COALESCE(m.role, '') AS role,
		COALESCE(c.visibility, '') AS visibility, COALESCE(c.seq, 0) AS seq
	FROM invites i JOIN users u ON u.username = i.creator
	LEFT JOIN chats c ON c.id = i.chat AND c.deleted_pos IS NULL
	LEFT JOIN memberships m ON m.chat = c.id AND m.username = i.creator AND m.left_pos IS NULL
	WHERE i.code = ?`

// invited reads an invite that has not expired, that is for a chat that goes on or for none,
// and whose creator may still make it. It may be used up. chat.ErrInviteNotFound.
func (h handle) invited(ctx context.Context, code string, now int64) (g guest, err error) {
	err = h.get(ctx, &g, selectInvite, code)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return g, chat.ErrInviteNotFound
	case err != nil:
		return g, err
	case g.ExpiresAt <= now, g.Chat.Valid && g.Visibility == "", g.decide() != nil:
		return g, chat.ErrInviteNotFound
	}
	return g, nil
}

// decide decides whether the creator may still make such an invite.
func (g guest) decide() error {
	action := chat.MakeChatInvites
	if g.SignUp {
		action = chat.MakeSignUpInvites
	}
	return chat.Decide(chat.Actor{Username: g.Creator}, action, g.Chat.String,
		chat.Standing{Live: g.Live, Admin: g.Admin, Visibility: g.Visibility, Role: g.Role})
}

// signUpInvite reads an invite by which a user may sign up now. chat.ErrInviteNotFound.
func (h handle) signUpInvite(ctx context.Context, code string, now int64) (guest, error) {
	g, err := h.invited(ctx, code, now)
	if err == nil && (!g.SignUp || g.Used >= g.Uses) {
		err = chat.ErrInviteNotFound
	}
	return g, err
}

// use counts a use of an invite, and makes a user a member of its chat, if there is one.
func (tx *transaction) use(g guest, username string) {
	tx.later(`UPDATE invites SET used = used + 1 WHERE code = ?`, g.Code)
	if g.Chat.Valid {
		tx.join(g.Seq+1, g.Chat.String, username, chat.RoleMember)
	}
}

// CheckSignUpInvite implements [auth.Store].
func (r *Repository) CheckSignUpInvite(ctx context.Context, code string) (err error) {
	defer wrap(&err, "looking at an invite")
	if err := chat.CheckInviteCode(code); err != nil {
		return err // what is no code is not put to the database
	}
	_, err = read(ctx, r, func(ctx context.Context, h handle) (guest, error) {
		return h.signUpInvite(ctx, code, time.Now().UnixMilli())
	})
	return err
}

// CreateInvite implements [chat.Invites]. An operator's is made in the name of the first
// admin, because an invite is good for as long as somebody who may make it stands for it.
func (r *Repository) CreateInvite(ctx context.Context, actor chat.Actor, n chat.NewInvite) (_ chat.Invite, err error) {
	defer wrap(&err, "making an invite")
	code := rand.Text() // 130 bits
	return write(ctx, r, actor.Username, func(ctx context.Context, tx *transaction) (none chat.Invite, err error) {
		row := inviteRow{
			Code: code, Creator: actor.Username, Chat: nullable(n.Chat), Uses: n.Uses,
			CreatedAt: tx.now.UnixMilli(), ExpiresAt: tx.now.Time().Add(n.Life).UnixMilli(),
		}
		if row.SignUp, err = tx.mayInvite(ctx, actor, n.Chat); err != nil {
			return none, err
		}
		if actor.Kind == chat.Operator {
			if row.Creator, err = tx.firstAdmin(ctx); err != nil {
				return none, err
			}
		}
		tx.later(`INSERT INTO invites (code, creator, signup, chat, uses, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)`,
			row.Code, row.Creator, row.SignUp, row.Chat, row.Uses, row.CreatedAt, row.ExpiresAt)
		return row.invite(), nil
	})
}

// mayInvite decides whether an actor may make an invite, which is for signing up too where
// an admin makes it.
func (tx *transaction) mayInvite(ctx context.Context, actor chat.Actor, chatID string) (signUp bool, err error) {
	err = tx.decide(ctx, actor, chat.MakeSignUpInvites)
	var refused *chat.Error
	switch {
	case err == nil && chatID != "":
		there, err := tx.exists(ctx, `SELECT 1 FROM chats WHERE id = ? AND deleted_pos IS NULL`, chatID)
		if err == nil && !there {
			err = chat.ErrNotFound
		}
		return true, err
	case errors.As(err, &refused) && chatID != "":
		_, err = tx.admit(ctx, actor, chat.MakeChatInvites, chatID)
		return false, err
	}
	return true, err
}

// firstAdmin is the first of the enabled admins. chat.ErrForbidden where there is none.
func (tx *transaction) firstAdmin(ctx context.Context) (username string, err error) {
	err = tx.get(ctx, &username, `SELECT username FROM users WHERE admin AND disabled_pos IS NULL ORDER BY username LIMIT 1`)
	if errors.Is(err, sql.ErrNoRows) {
		err = chat.ErrForbidden
	}
	return username, err
}

// The pages of invites: everybody's, and those of one creator, who is the second argument.
const (
	allInvites = `SELECT ` + inviteColumns + ` FROM invites i WHERE i.expires_at > ? AND i.code > ? ORDER BY i.code LIMIT ?`
	ownInvites = `SELECT ` + inviteColumns + ` FROM invites i WHERE i.expires_at > ? AND i.creator = ? AND i.code > ? ORDER BY i.code LIMIT ?`
)

// Invites implements [chat.Invites].
func (r *Repository) Invites(ctx context.Context, actor chat.Actor, q chat.ListQuery) (_ chat.Page[chat.Invite], err error) {
	defer wrap(&err, "reading invites")
	return snapshotRows(ctx, r, actor, q.Limit, func(ctx context.Context, h handle) (none chat.Page[chat.Invite], err error) {
		all, err := h.ofEverybody(ctx, actor, chat.ReadInvites)
		if err != nil {
			return none, err
		}
		if all {
			return h.invites(ctx, "", q)
		}
		return h.invites(ctx, actor.Username, q)
	})
}

// invites reads a page of the invites of a creator; empty is everybody's.
func (h handle) invites(ctx context.Context, creator string, q chat.ListQuery) (chat.Page[chat.Invite], error) {
	now := time.Now().UnixMilli()
	if creator == "" {
		return list(ctx, h, inviteRow.invite, q, allInvites, now)
	}
	return list(ctx, h, inviteRow.invite, q, ownInvites, now, creator)
}

// ofEverybody decides an action that is about one's own invites, and says whether the actor may
// do it to everybody's.
func (h handle) ofEverybody(ctx context.Context, actor chat.Actor, action chat.Action) (bool, error) {
	err := h.decide(ctx, actor, chat.ManageAllInvites)
	var refused *chat.Error
	if !errors.As(err, &refused) {
		return err == nil, err
	}
	return false, h.decide(ctx, actor, action)
}

// RevokeInvite implements [chat.Invites].
func (r *Repository) RevokeInvite(ctx context.Context, actor chat.Actor, code string) (err error) {
	defer wrap(&err, "revoking an invite")
	_, err = write(ctx, r, actor.Username, func(ctx context.Context, tx *transaction) (none struct{}, err error) {
		all, err := tx.ofEverybody(ctx, actor, chat.RevokeInvites)
		if err != nil {
			return none, err
		}
		there, err := tx.exists(ctx, `SELECT 1 FROM invites WHERE code = ? AND (creator = ? OR ?)`, code, actor.Username, all)
		switch {
		case err != nil:
			return none, err
		case !there:
			return none, chat.ErrInviteNotFound
		}
		tx.later(`DELETE FROM invites WHERE code = ?`, code)
		return none, nil
	})
	return err
}

// UseInvite implements [chat.Invites]. The uses are counted behind the lock, so that of those
// who use an invite at once no more get in than it is for.
func (r *Repository) UseInvite(ctx context.Context, actor chat.Actor, code string) (_ chat.Chat, err error) {
	defer wrap(&err, "using an invite")
	return write(ctx, r, actor.Username, func(ctx context.Context, tx *transaction) (none chat.Chat, err error) {
		if err := tx.decide(ctx, actor, chat.UseInvite); err != nil {
			return none, err
		}
		g, err := tx.invited(ctx, code, tx.now.UnixMilli())
		switch {
		case err != nil:
			return none, err
		case !g.Chat.Valid:
			return none, chat.ErrInviteNotFound
		}
		member, err := tx.member(ctx, g.Chat.String, actor.Username)
		switch {
		case err != nil:
			return none, err
		case member.Role != "": // also one whose own use was the last
			return tx.chat(ctx, actor, g.Chat.String)
		case g.Used >= g.Uses:
			return none, chat.ErrInviteNotFound
		}
		if err := tx.guardChats(ctx, actor.Username, r.maxChats); err != nil {
			return none, err
		}
		tx.use(g, actor.Username)
		return tx.chat(ctx, actor, g.Chat.String)
	})
}

// deleteInvites deletes some of those that expired before a moment.
const deleteInvites = `DELETE FROM invites WHERE code IN (
	SELECT code FROM invites WHERE expires_at < ? ORDER BY expires_at LIMIT ?)`

// dropInvites deletes the invites that expired before a moment.
func (r *Repository) dropInvites(ctx context.Context, before time.Time) error {
	return r.dropOld(ctx, `SELECT 1 FROM invites WHERE expires_at < ? LIMIT 1`, deleteInvites, before)
}
