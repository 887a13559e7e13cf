package repository

import (
	"context"
	"database/sql"
	"errors"

	"parley/auth"
	"parley/chat"
)

// foreignKind is the kind of the sessions of other issuers.
const foreignKind = "foreign"

// endedUntil is when the row of a session that ends now may be deleted; its argument is now,
// in milliseconds. A session of another issuer that has ended keeps its row for 90 days beyond
// its longest token: the issuer may sign further tokens for it, and each must find that it is
// over.
const endedUntil = `CASE WHEN kind = '` + foreignKind + `' THEN access_expires_at + 7776000000 ELSE CAST(? AS bigint) END`

// foreignRow is what is stored of a subject, and of the session that its token names.
type foreignRow struct {
	Username      string        `db:"username"`
	Disabled      bool          `db:"disabled"`
	AccessExpires sql.NullInt64 `db:"access_expires_at"`
	Ended         bool          `db:"ended"`
}

// Admit implements [auth.ForeignStore]. A token that was seen before writes nothing. Before the
// user is known, the name that is of the subject alone tells whose share all of it is of.
func (r *Repository) Admit(ctx context.Context, f auth.Foreign) (username string, err error) {
	defer wrap(&err, "admitting a user of another issuer")
	row, err := readAs(ctx, r, chat.Actor{Username: f.Fallback}, func(ctx context.Context, h handle) (foreignRow, error) { return h.foreign(ctx, f) })
	if err != nil || row.covers(f) {
		return row.Username, err
	}
	return write(ctx, r, f.Fallback, func(ctx context.Context, tx *transaction) (string, error) {
		row, err := tx.foreign(ctx, f)
		if err != nil || row.covers(f) {
			return row.Username, err
		}
		if row.Username == "" {
			if row.Username, err = tx.addForeign(ctx, f); err != nil {
				return "", err
			}
		}
		tx.prolong(f, row)
		return row.Username, nil
	})
}

// foreign reads what is stored; nothing is no error. chat.ErrSessionEnded for a user that is
// disabled, and for a session that is over.
func (h handle) foreign(ctx context.Context, f auth.Foreign) (row foreignRow, err error) {
	err = h.get(ctx, &row, `SELECT u.username, u.disabled_pos IS NOT NULL AS disabled, s.access_expires_at,
			s.ended_pos IS NOT NULL AS ended
		FROM users u LEFT JOIN sessions s ON s.id = ? AND s.username = u.username
		WHERE u.issuer = ? AND u.subject = ?`, f.Session, f.Issuer, f.Subject)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return foreignRow{}, nil
	case err == nil && (row.Disabled || row.Ended):
		err = chat.ErrSessionEnded
	}
	return row, err
}

// covers says that the stored session lasts as long as the token.
func (row foreignRow) covers(f auth.Foreign) bool {
	return row.AccessExpires.Valid && row.AccessExpires.Int64 >= f.Expires.UnixMilli()
}

// addForeign stores a subject that is seen for the first time. It has no password, and is no
// admin, be it the first user of all.
func (tx *transaction) addForeign(ctx context.Context, f auth.Foreign) (username string, err error) {
	username = f.Username
	taken, err := tx.exists(ctx, `SELECT 1 FROM users WHERE username = ?`, username)
	if err != nil {
		return "", err
	}
	if taken {
		username = f.Fallback
	}
	display := f.DisplayName
	if display == "" {
		display, _, _ = chat.CutNamespace(f.Username)
	}
	tx.later(`INSERT INTO users (username, display_name, password_hash, created_at, issuer, subject) VALUES (?, ?, '', ?, ?, ?)`,
		username, display, tx.now.UnixMilli(), f.Issuer, f.Subject)
	return username, nil
}

// prolong lets the session last as long as the token. It has no refresh token: no token has
// the empty hash.
func (tx *transaction) prolong(f auth.Foreign, row foreignRow) {
	expires := f.Expires.UnixMilli()
	if row.AccessExpires.Valid {
		tx.later(`UPDATE sessions SET access_expires_at = ?, refresh_expires_at = ? WHERE id = ?`, expires, expires, f.Session)
		return
	}
	tx.later(`INSERT INTO sessions (id, username, kind, created_at, access_expires_at,
			refresh_hash, refresh_generation, refreshed_at, refresh_expires_at)
		VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?)`,
		f.Session, row.Username, foreignKind, tx.now.UnixMilli(), expires, []byte{}, tx.now.UnixMilli(), expires)
}
