package repository

import (
	"context"

	"parley/chat"
	"parley/repository/posts"
)

// ChangeOwnUser implements [handlers.Users].
func (r *Repository) ChangeOwnUser(ctx context.Context, actor chat.Actor, displayName string) (_ chat.User, err error) {
	defer wrap(&err, "changing a user")
	return write(ctx, r, actor.Username, func(ctx context.Context, tx *transaction) (none chat.User, err error) {
		if err := tx.decide(ctx, actor, chat.ChangeOwnUser); err != nil {
			return none, err
		}
		row, err := tx.user(ctx, actor.Username)
		if err != nil {
			return none, err
		}
		if row.DisplayName != displayName {
			row.DisplayName = displayName
			tx.later(`UPDATE users SET display_name = ? WHERE username = ?`, displayName, actor.Username)
		}
		return row.user(), nil
	})
}

// SetOwnPassword implements [auth.Store]. All other sign-ins end at the position of the
// change, as long as there are no more of them than one user may have.
func (r *Repository) SetOwnPassword(ctx context.Context, actor chat.Actor, was, hash string) (err error) {
	defer wrap(&err, "changing a password")
	more, err := write(ctx, r, actor.Username, func(ctx context.Context, tx *transaction) (more bool, err error) {
		if err := tx.decide(ctx, actor, chat.ChangeOwnPassword); err != nil {
			return false, err
		}
		row, err := tx.user(ctx, actor.Username)
		switch {
		case err != nil:
			return false, err
		case row.PasswordHash != was:
			return false, chat.ErrWrongPassword
		}
		tx.later(`UPDATE users SET password_hash = ? WHERE username = ?`, hash, actor.Username)
		return tx.endSignIns(ctx, actor.Username, actor.Session)
	})
	if err == nil && more {
		err = r.EndOtherSessions(ctx, actor)
	}
	return err
}

// sessionInfoRow is a session as its user sees it.
type sessionInfoRow struct {
	ID        string `db:"id"`
	Current   bool   `db:"current"`
	CreatedAt int64  `db:"created_at"`
	UsedAt    int64  `db:"refreshed_at"`
	ExpiresAt int64  `db:"refresh_expires_at"`
	UserAgent string `db:"user_agent"`
	Address   string `db:"address"`
}

func (s sessionInfoRow) session() chat.Session {
	return chat.Session{
		ID: s.ID, Current: s.Current, CreatedAt: chat.TimeFromMilli(s.CreatedAt), LastUsedAt: chat.TimeFromMilli(s.UsedAt),
		ExpiresAt: chat.TimeFromMilli(s.ExpiresAt), UserAgent: s.UserAgent, Address: s.Address,
	}
}

// kinds are the kinds of sessions as they are stored.
var kinds = map[chat.CredentialKind]string{chat.SignIn: "sign-in", chat.ScriptToken: "token", chat.ForeignToken: foreignKind}

// selectSessions reads sessions of a user that go on, whatever the cleaner has done yet.
func (d *dialect) selectSessions() string {
	return `SELECT id, id = ? AS current, created_at, refreshed_at, refresh_expires_at, user_agent, address FROM sessions s
		WHERE username = ? AND kind = ? AND ended_pos IS NULL AND refresh_expires_at > ` + d.now + `
			AND id > ? ORDER BY id LIMIT ?`
}

// Sessions implements [handlers.Users]. They are those of the actor's own kind.
func (r *Repository) Sessions(ctx context.Context, actor chat.Actor, q chat.ListQuery) (_ chat.Page[chat.Session], err error) {
	defer wrap(&err, "reading a user's sessions")
	return snapshotRows(ctx, r, actor, q.Limit, func(ctx context.Context, h handle) (none chat.Page[chat.Session], err error) {
		if err := h.decide(ctx, actor, chat.ReadOwnSessions); err != nil {
			return none, err
		}
		return h.sessions(ctx, actor, q)
	})
}

// sessions reads a page of the actor's sessions.
func (h handle) sessions(ctx context.Context, actor chat.Actor, q chat.ListQuery) (chat.Page[chat.Session], error) {
	return list(ctx, h, sessionInfoRow.session, q, h.d.selectSessions(), actor.Session, actor.Username, kinds[actor.Kind])
}

// EndOwnSession implements [handlers.Users].
func (r *Repository) EndOwnSession(ctx context.Context, actor chat.Actor, id string) (err error) {
	defer wrap(&err, "ending a session")
	_, err = write(ctx, r, actor.Username, func(ctx context.Context, tx *transaction) (none struct{}, err error) {
		if err := tx.decide(ctx, actor, chat.EndOwnSessions); err != nil {
			return none, err
		}
		goesOn, err := tx.exists(ctx, `SELECT 1 FROM sessions s WHERE id = ? AND username = ? AND kind = ? AND `+posts.LiveSession,
			id, actor.Username, kinds[actor.Kind])
		switch {
		case err != nil:
			return none, err
		case !goesOn:
			return none, chat.ErrNotFound
		}
		tx.endSession(actor.Username, id)
		return none, nil
	})
	return err
}

// EndOtherSessions implements [handlers.Users].
func (r *Repository) EndOtherSessions(ctx context.Context, actor chat.Actor) (err error) {
	defer wrap(&err, "ending a user's other sessions")
	for {
		more, err := write(ctx, r, actor.Username, func(ctx context.Context, tx *transaction) (more bool, err error) {
			if err := tx.decide(ctx, actor, chat.EndOwnSessions); err != nil {
				return false, err
			}
			return tx.endSignIns(ctx, actor.Username, actor.Session)
		})
		if err != nil || !more {
			return err
		}
	}
}
