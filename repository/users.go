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
	return write(ctx, r, func(ctx context.Context, tx *transaction) (chat.User, error) {
		row := userRow{Username: n.Username, DisplayName: n.DisplayName, Admin: n.Admin, Bot: n.Bot, CreatedAt: tx.now.UnixMilli()}
		taken, err := tx.exists(ctx, `SELECT 1 FROM users WHERE username = ?`, n.Username)
		switch {
		case err != nil:
			return chat.User{}, err
		case taken:
			return chat.User{}, chat.ErrUsernameTaken
		}
		if !n.Bot {
			others, err := tx.exists(ctx, `SELECT 1 FROM users LIMIT 1`)
			if err != nil {
				return chat.User{}, err
			}
			row.Admin = row.Admin || !others
		}
		tx.later(`INSERT INTO users (username, display_name, password_hash, created_at, admin, bot) VALUES (?, ?, ?, ?, ?, ?)`,
			row.Username, row.DisplayName, n.PasswordHash, row.CreatedAt, row.Admin, row.Bot)
		return row.user(), nil
	})
}

// Account implements [auth.Store].
func (r *Repository) Account(ctx context.Context, username string) (_ auth.Account, err error) {
	defer wrap(&err, "reading an account")
	return read(ctx, r, func(ctx context.Context, h handle) (auth.Account, error) {
		row, err := h.user(ctx, username)
		return row.account(), err
	})
}

// Accounts implements [auth.Store].
func (r *Repository) Accounts(ctx context.Context) (_ []auth.Account, err error) {
	defer wrap(&err, "reading all accounts")
	return read(ctx, r, func(ctx context.Context, h handle) ([]auth.Account, error) {
		var rows []userRow
		if err := h.all(ctx, &rows, `SELECT `+userColumns+` FROM users u ORDER BY u.username`); err != nil {
			return nil, err
		}
		accounts := make([]auth.Account, len(rows))
		for i, row := range rows {
			accounts[i] = row.account()
		}
		return accounts, nil
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

// DisableUser implements [auth.Store]. All sessions of the user are over at the position of
// the event. Closing their rows is left to the cleaner.
func (r *Repository) DisableUser(ctx context.Context, username string) (err error) {
	defer wrap(&err, "disabling a user")
	_, err = write(ctx, r, func(ctx context.Context, tx *transaction) (none struct{}, err error) {
		row, err := tx.user(ctx, username)
		if err != nil || row.Disabled.Valid {
			return none, err
		}
		pos := tx.append(chat.Event{Kind: chat.KindUserDisabled, Username: username})
		tx.later(`UPDATE users SET disabled_pos = ? WHERE username = ?`, pos, username)
		ending{endedUser, username}.leave(tx)
		return none, nil
	})
	if err == nil {
		r.cleaner.wake()
	}
	return err
}
