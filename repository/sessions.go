package repository

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"parley/auth"
	"parley/chat"
	"parley/repository/posts"
)

// sessionRow is a session as it is stored; its times are milliseconds.
type sessionRow struct {
	ID             string `db:"id"`
	Username       string `db:"username"`
	AccessExpires  int64  `db:"access_expires_at"`
	RefreshHash    []byte `db:"refresh_hash"`
	Generation     int64  `db:"refresh_generation"`
	RefreshedAt    int64  `db:"refreshed_at"`
	RefreshExpires int64  `db:"refresh_expires_at"`
}

func (s sessionRow) session() auth.Session {
	return auth.Session{ID: s.ID, Username: s.Username, SessionTokens: auth.SessionTokens{
		Generation:     s.Generation,
		RefreshHash:    s.RefreshHash,
		RefreshedAt:    time.UnixMilli(s.RefreshedAt).UTC(),
		RefreshExpires: time.UnixMilli(s.RefreshExpires).UTC(),
		AccessExpires:  time.UnixMilli(s.AccessExpires).UTC(),
	}}
}

// CreateSession implements [auth.Store]. That the user may log in is asked again
// behind the lock: he may have been disabled while his password was verified.
func (r *Repository) CreateSession(ctx context.Context, s auth.Session) (err error) {
	defer wrap(&err, "creating a session")
	_, err = write(ctx, r, func(ctx context.Context, tx *transaction) (none struct{}, err error) {
		welcome, err := tx.exists(ctx, `SELECT 1 FROM users WHERE username = ? AND disabled_pos IS NULL`, s.Username)
		switch {
		case err != nil:
			return none, err
		case !welcome:
			return none, chat.ErrBadCredentials
		}
		tx.later(`INSERT INTO sessions (id, username, created_at, access_expires_at,
				refresh_hash, refresh_generation, refreshed_at, refresh_expires_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
			s.ID, s.Username, tx.now.UnixMilli(), s.AccessExpires.UnixMilli(),
			s.RefreshHash, s.Generation, s.RefreshedAt.UnixMilli(), s.RefreshExpires.UnixMilli())
		return none, nil
	})
	return err
}

// Session implements [auth.Store].
func (r *Repository) Session(ctx context.Context, id string) (_ auth.Session, now time.Time, err error) {
	defer wrap(&err, "reading a session")
	type timedRow struct {
		sessionRow
		Now int64 `db:"now"`
	}
	row, err := read(ctx, r, func(ctx context.Context, h handle) (row timedRow, err error) {
		err = h.get(ctx, &row, `SELECT id, username, access_expires_at,
				refresh_hash, refresh_generation, refreshed_at, refresh_expires_at, `+h.d.now+` AS now
			FROM sessions s WHERE id = ? AND `+posts.LiveSession, id)
		if errors.Is(err, sql.ErrNoRows) {
			err = chat.ErrSessionEnded
		}
		return row, err
	})
	return row.session(), time.UnixMilli(row.Now).UTC(), err
}

// RenewSession implements [auth.Store].
func (r *Repository) RenewSession(ctx context.Context, id string, generation int64, next auth.SessionTokens) (_ bool, err error) {
	defer wrap(&err, "renewing a session")
	return write(ctx, r, func(ctx context.Context, tx *transaction) (bool, error) {
		n, err := tx.exec(ctx, `UPDATE sessions AS s SET access_expires_at = ?,
				refresh_hash = ?, refresh_generation = ?, refreshed_at = ?, refresh_expires_at = ?
			WHERE id = ? AND refresh_generation = ? AND `+posts.LiveSession,
			next.AccessExpires.UnixMilli(),
			next.RefreshHash, next.Generation, next.RefreshedAt.UnixMilli(), next.RefreshExpires.UnixMilli(),
			id, generation)
		return n == 1, err
	})
}

// EndSession implements [auth.Store].
func (r *Repository) EndSession(ctx context.Context, id string) (err error) {
	defer wrap(&err, "ending a session")
	_, err = write(ctx, r, func(ctx context.Context, tx *transaction) (none struct{}, err error) {
		var username string
		err = tx.get(ctx, &username, `SELECT username FROM sessions s WHERE id = ? AND `+posts.LiveSession, id)
		if errors.Is(err, sql.ErrNoRows) {
			return none, nil
		}
		if err != nil {
			return none, err
		}
		pos := tx.append(chat.Event{Kind: chat.KindSessionEnded, Username: username, Session: id})
		tx.later(`UPDATE sessions SET ended_pos = ?, refresh_expires_at = `+endedUntil+` WHERE id = ?`, pos, tx.now.UnixMilli(), id)
		return none, nil
	})
	return err
}
