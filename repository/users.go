package repository

import (
	"context"
	"database/sql"
	"errors"

	"parley/auth"
	"parley/chat"
)

// userColumns are those of a userRow, from a table users called u.
const userColumns = `u.username, u.display_name, u.password_hash, u.created_at, u.admin, u.bot, u.disabled_pos, u.closed_pos`

// userRow is a user as it is stored. Disabled and Closed are where in the log that happened.
type userRow struct {
	Username     string        `db:"username"`
	DisplayName  string        `db:"display_name"`
	PasswordHash string        `db:"password_hash"`
	CreatedAt    int64         `db:"created_at"`
	Admin        bool          `db:"admin"`
	Bot          bool          `db:"bot"`
	Disabled     sql.NullInt64 `db:"disabled_pos"`
	Closed       sql.NullInt64 `db:"closed_pos"`
}

func (u userRow) user() chat.User {
	return chat.User{
		Username: u.Username, DisplayName: u.DisplayName, Admin: u.Admin, Bot: u.Bot, Disabled: u.Disabled.Valid,
		CreatedAt: chat.TimeFromMilli(u.CreatedAt),
	}
}

func (u userRow) account() auth.Account {
	return auth.Account{User: u.user(), PasswordHash: u.PasswordHash}
}

// user reads a user, disabled or not. chat.ErrNotFound.
func (h handle) user(ctx context.Context, username string) (u userRow, err error) {
	err = h.get(ctx, &u, `SELECT `+userColumns+` FROM users u WHERE u.username = ?`, username)
	return u, orNotFound(err)
}

// CreateUser implements [auth.Store].
func (r *Repository) CreateUser(ctx context.Context, n auth.NewUser) (_ chat.User, err error) {
	defer wrap(&err, "creating a user")
	first, err := r.mayBeFirst(ctx, n)
	if err != nil {
		return chat.User{}, err
	}
	return write(ctx, r, n.Username, func(ctx context.Context, tx *transaction) (none chat.User, err error) {
		if n.Invite == "" {
			return tx.createUser(ctx, n, first)
		}
		g, err := tx.signUpInvite(ctx, n.Invite, tx.now.UnixMilli())
		if err != nil {
			return none, err
		}
		user, err := tx.createUser(ctx, n, first)
		if err == nil {
			tx.use(g, n.Username)
		}
		return user, err
	})
}

// MakeUser implements [auth.Store].
func (r *Repository) MakeUser(ctx context.Context, actor chat.Actor, n auth.NewUser) (_ chat.User, err error) {
	defer wrap(&err, "making a user")
	first, err := r.mayBeFirst(ctx, n)
	if err != nil {
		return chat.User{}, err
	}
	return write(ctx, r, actor.Username, func(ctx context.Context, tx *transaction) (none chat.User, err error) {
		if err := tx.decide(ctx, actor, chat.MakeUsers); err != nil {
			return none, err
		}
		return tx.createUser(ctx, n, first)
	})
}

// ownUser finds a user who is no bot, nor of another issuer. Where there is none, it reads all
// the others.
const ownUser = `SELECT 1 FROM users WHERE NOT bot AND issuer IS NULL LIMIT 1`

// mayBeFirst says whether a new user may be the first who is no bot. If it is not, it is not asked
// behind the lock, and never again: no user's row is deleted.
func (r *Repository) mayBeFirst(ctx context.Context, n auth.NewUser) (bool, error) {
	if n.Bot || r.peopled.Load() {
		return false, nil
	}
	found, err := read(ctx, r, func(ctx context.Context, h handle) (bool, error) { return h.exists(ctx, ownUser) })
	if found {
		r.peopled.Store(true)
	}
	return !found, err
}

// createUser stores a new user, who may be the first.
func (tx *transaction) createUser(ctx context.Context, n auth.NewUser, first bool) (none chat.User, err error) {
	row := userRow{Username: n.Username, DisplayName: n.DisplayName, Admin: n.Admin, Bot: n.Bot, CreatedAt: tx.now.UnixMilli()}
	taken, err := tx.exists(ctx, `SELECT 1 FROM users WHERE username = ?`, n.Username)
	switch {
	case err != nil:
		return none, err
	case taken:
		return none, chat.ErrUsernameTaken
	}
	if first {
		others, err := tx.exists(ctx, ownUser)
		if err != nil {
			return none, err
		}
		row.Admin = row.Admin || !others
	}
	tx.later(`INSERT INTO users (username, display_name, password_hash, created_at, admin, bot) VALUES (?, ?, ?, ?, ?, ?)`,
		row.Username, row.DisplayName, n.PasswordHash, row.CreatedAt, row.Admin, row.Bot)
	return row.user(), nil
}

// Account implements [auth.Store].
func (r *Repository) Account(ctx context.Context, username string) (_ auth.Account, err error) {
	defer wrap(&err, "reading an account")
	return read(ctx, r, func(ctx context.Context, h handle) (auth.Account, error) {
		row, err := h.user(ctx, username)
		return row.account(), err
	})
}

// HasUsers says whether there is any user, disabled or not.
func (r *Repository) HasUsers(ctx context.Context) (_ bool, err error) {
	defer wrap(&err, "looking for a user")
	return read(ctx, r, func(ctx context.Context, h handle) (bool, error) {
		return h.exists(ctx, `SELECT 1 FROM users LIMIT 1`)
	})
}

// User implements [auth.Store].
func (r *Repository) User(ctx context.Context, actor chat.Actor) (_ chat.User, err error) {
	defer wrap(&err, "reading a user")
	return readAs(ctx, r, actor, func(ctx context.Context, h handle) (chat.User, error) {
		var row userRow
		err := h.get(ctx, &row, `SELECT `+userColumns+` FROM users u WHERE u.username = ? AND `+isLive,
			actor.Username, actor.Session, actor.Username)
		if errors.Is(err, sql.ErrNoRows) {
			err = chat.ErrSessionEnded
		}
		return row.user(), err
	})
}
