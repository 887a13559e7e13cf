package repository

import (
	"context"

	"parley/chat"
)

// Permit implements [auth.Store].
func (r *Repository) Permit(ctx context.Context, actor chat.Actor, action chat.Action) (err error) {
	defer wrap(&err, "deciding an action")
	_, err = readAs(ctx, r, actor, func(ctx context.Context, h handle) (none struct{}, err error) {
		return none, h.decide(ctx, actor, action)
	})
	return err
}

// selectUsers reads users whose names are in a range, which is one of the index's: up to its
// second argument and from its third.
const selectUsers = `SELECT ` + userColumns + ` FROM users u
	WHERE u.closed_pos IS NULL AND u.username < ? AND u.username >= ? ORDER BY u.username LIMIT ?`

// ListUsers implements [chat.Administration].
func (r *Repository) ListUsers(ctx context.Context, actor chat.Actor, q chat.UserQuery) (_ chat.Page[chat.User], err error) {
	defer wrap(&err, "reading users")
	return snapshotRows(ctx, r, actor, q.Limit, func(ctx context.Context, h handle) (none chat.Page[chat.User], err error) {
		if err := h.decide(ctx, actor, chat.ReadUsers); err != nil {
			return none, err
		}
		return h.users(ctx, q)
	})
}

// users reads a page of the users whose names begin with q.Prefix. No username holds a byte
// that is less than the one behind q.After here, or as great as the one behind q.Prefix.
func (h handle) users(ctx context.Context, q chat.UserQuery) (chat.Page[chat.User], error) {
	from := q.ListQuery
	if from.After != "" {
		from.After += "\x01"
	}
	from.After = max(from.After, q.Prefix)
	return list(ctx, h, userRow.user, from, selectUsers, q.Prefix+"\x7f")
}

// ReadUser implements [chat.Administration].
func (r *Repository) ReadUser(ctx context.Context, actor chat.Actor, username string) (_ chat.User, err error) {
	defer wrap(&err, "reading a user")
	return snapshot(ctx, r, actor, func(ctx context.Context, h handle) (chat.User, error) {
		if err := h.decide(ctx, actor, chat.ReadUsers); err != nil {
			return chat.User{}, err
		}
		row, err := h.openAccount(ctx, username)
		return row.user(), err
	})
}

// UpdateUser implements [chat.Administration].
//
// Nothing that has ended with the disabling comes back with the enabling. A session gives no
// access once its row is closed, and the rows of a disabled user are closed behind the
// disabling, in slices. So the user is enabled by a transaction that finds none of them open;
// as long as one is, the next slice is closed first. None comes in between, because a disabled
// user is given no session.
func (r *Repository) UpdateUser(ctx context.Context, actor chat.Actor, username string, change chat.UserChange) (_ chat.User, err error) {
	defer wrap(&err, "changing a user")
	for {
		changed, err := write(ctx, r, actor.Username, func(ctx context.Context, tx *transaction) (changedUser, error) {
			return tx.updateUser(ctx, actor, username, change)
		})
		switch {
		case err != nil:
			return chat.User{}, err
		case changed.ended:
			r.cleaner.wake()
			fallthrough
		case !changed.open:
			return changed.row.user(), nil
		}
		if _, err := r.closeSessions(ctx, username); err != nil {
			return chat.User{}, r.dialect.refusal(ctx, err)
		}
	}
}

// changedUser is a user behind a change.
type changedUser struct {
	row userRow
	// ended says that the change has disabled the user.
	ended bool
	// open says that nothing was changed, because sessions are to be closed first.
	open bool
}

// updateUser makes a change of a user.
func (tx *transaction) updateUser(ctx context.Context, actor chat.Actor, username string, change chat.UserChange) (none changedUser, err error) {
	if err := tx.decide(ctx, actor, chat.ChangeUsers); err != nil {
		return none, err
	}
	was, err := tx.openAccount(ctx, username)
	if err != nil {
		return none, err
	}
	next := was
	if change.Admin != nil {
		next.Admin = *change.Admin
	}
	if change.DisplayName != nil {
		next.DisplayName = *change.DisplayName
	}
	disabled := was.Disabled.Valid
	if change.Disabled != nil {
		disabled = *change.Disabled
	}
	if next.Admin && next.Bot {
		return none, chat.Invalid("admin", "must not be true of a bot, whose tokens do not reach administration")
	}
	if !next.Admin || disabled {
		if err := tx.guardAdmins(ctx, actor, was); err != nil {
			return none, err
		}
	}
	changed := changedUser{row: next, ended: disabled && !was.Disabled.Valid}
	switch {
	case changed.ended:
		changed.row.Disabled.Int64, changed.row.Disabled.Valid = tx.disable(username), true
	case was.Disabled.Valid && !disabled:
		changed.open, err = tx.exists(ctx, `SELECT 1 FROM sessions WHERE username = ? AND ended_pos IS NULL LIMIT 1`, username)
		if err != nil || changed.open {
			return changed, err
		}
		changed.row.Disabled.Valid = false
		tx.later(`UPDATE users SET disabled_pos = NULL WHERE username = ?`, username)
		tx.later(`DELETE FROM endings WHERE kind = ? AND id = ?`, endedUser, username)
	}
	if next.Admin != was.Admin || next.DisplayName != was.DisplayName {
		tx.later(`UPDATE users SET admin = ?, display_name = ? WHERE username = ?`, next.Admin, next.DisplayName, username)
	}
	return changed, nil
}

// disable disables a user: all sessions are over at the position of the event, which it
// returns. Closing their rows is left to the cleaner.
func (tx *transaction) disable(username string) (pos int64) {
	pos = tx.append(chat.Event{Kind: chat.KindUserDisabled, Username: username})
	tx.later(`UPDATE users SET disabled_pos = COALESCE(disabled_pos, ?) WHERE username = ?`, pos, username)
	ending{endedUser, username}.leave(tx)
	return pos
}

// anotherAdmin finds an admin other than its argument.
const anotherAdmin = `SELECT 1 FROM users WHERE admin AND disabled_pos IS NULL AND username <> ? LIMIT 1`

// guardAdmins keeps the service from losing its last admin, where that is what was is. An
// operator may: it makes another by the next command, and has to be able to stop any user.
func (tx *transaction) guardAdmins(ctx context.Context, actor chat.Actor, was userRow) error {
	if !was.Admin || was.Disabled.Valid || actor.Kind == chat.Operator {
		return nil
	}
	another, err := tx.exists(ctx, anotherAdmin, was.Username)
	if err == nil && !another {
		err = chat.ErrLastAdmin
	}
	return err
}
