package repository

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"parley/auth"
	"parley/chat"
	"parley/repository/posts"
)

// A script token is a session of the kind 'token'; see the migration accounts. The methods
// are about the actor's own tokens or, where bot is not empty, about those of that bot, which
// takes an admin.

// tokenOverKept is how long a token that has ended counts among those of its user. A stream
// that it opened ends within that time.
const tokenOverKept = time.Minute

// tokenRow is a script token as it is stored.
type tokenRow struct {
	ID        string `db:"id"`
	Username  string `db:"username"`
	Name      string `db:"name"`
	Scopes    string `db:"scopes"`
	Chats     string `db:"chats"`
	Hash      []byte `db:"token_hash"`
	CreatedAt int64  `db:"created_at"`
	Expires   int64  `db:"access_expires_at"`
	LastUsed  int64  `db:"refreshed_at"`
}

// selectTokens reads the live script tokens.
const selectTokens = `SELECT s.id, s.username, s.name, s.scopes, s.chats, s.token_hash, s.created_at, s.access_expires_at, s.refreshed_at
	FROM sessions s WHERE s.kind = 'token' AND ` + posts.LiveSession + ` AND `

func (t tokenRow) token() chat.Token {
	token := chat.Token{
		ID: t.ID, Name: t.Name, Scopes: strings.Fields(t.Scopes),
		CreatedAt: chat.TimeFromMilli(t.CreatedAt), ExpiresAt: chat.TimeFromMilli(t.Expires),
	}
	if ids := chat.ChatSet(t.Chats).IDs(); ids != nil {
		token.Chats = &ids
	}
	if t.LastUsed != 0 {
		at := chat.TimeFromMilli(t.LastUsed)
		token.LastUsedAt = &at
	}
	return token
}

func (t tokenRow) stored() (auth.StoredToken, error) {
	scopes, err := chat.ParseScopes("scopes", strings.Fields(t.Scopes))
	if err != nil {
		return auth.StoredToken{}, fmt.Errorf("the script token %s has the scopes %q", t.ID, t.Scopes)
	}
	return auth.StoredToken{Hash: t.Hash, LastUsed: chat.TimeFromMilli(t.LastUsed), Actor: chat.Actor{
		Username: t.Username, Session: t.ID, Kind: chat.ScriptToken, Scopes: scopes, Chats: chat.ChatSet(t.Chats),
		Issued: chat.TimeFromMilli(t.CreatedAt), Expires: chat.TimeFromMilli(t.Expires),
	}}, nil
}

// tokenLookups is the user, whom nobody can be, as whom tokens are looked up: that anybody
// can cause, with tokens that are made up, and it must not take the connections of others.
const tokenLookups = "script tokens"

// ScriptToken implements [auth.TokenStore].
func (r *Repository) ScriptToken(ctx context.Context, id string) (_ auth.StoredToken, err error) {
	defer wrap(&err, "reading a script token")
	return readAs(ctx, r, chat.Actor{Username: tokenLookups}, func(ctx context.Context, h handle) (none auth.StoredToken, err error) {
		var row tokenRow
		if err := h.get(ctx, &row, selectTokens+`s.id = ?`, id); err != nil {
			return none, orNotFound(err)
		}
		return row.stored()
	})
}

// tokenUser decides whose tokens a request is about, whose action on the actor's own is own.
// chat.ErrForbidden for those of a user that is no bot. To an operator all tokens are alike, and
// without a username everybody's, which is empty, is meant.
func (h handle) tokenUser(ctx context.Context, actor chat.Actor, own chat.Action, username string) (string, error) {
	operates := actor.Kind == chat.Operator
	if username == "" && !operates {
		return actor.Username, h.decide(ctx, actor, own)
	}
	if err := h.decide(ctx, actor, chat.ManageBotTokens); err != nil || username == "" {
		return "", err
	}
	user, err := h.openAccount(ctx, username)
	if err == nil && !user.Bot && !operates {
		err = chat.ErrForbidden
	}
	return username, err
}

// CreateToken makes a token. chat.ErrInvalid (chats), chat.ErrTooManyTokens, chat.ErrForbidden;
// chat.ErrNotFound where there is no such bot, or it is disabled.
func (r *Repository) CreateToken(ctx context.Context, actor chat.Actor, bot string, token auth.ScriptToken, n chat.NewToken) (_ chat.Token, err error) {
	defer wrap(&err, "making a script token")
	return write(ctx, r, actor.Username, func(ctx context.Context, tx *transaction) (none chat.Token, err error) {
		username, err := tx.tokenUser(ctx, actor, chat.MakeOwnTokens, bot)
		if err != nil {
			return none, err
		}
		return tx.createToken(ctx, username, token, n, r.maxTokens)
	})
}

// createToken makes a token for a user who may have max of them; 0 is any number.
func (tx *transaction) createToken(ctx context.Context, username string, token auth.ScriptToken, n chat.NewToken, max int) (none chat.Token, err error) {
	enabled, err := tx.exists(ctx, `SELECT 1 FROM users WHERE username = ? AND disabled_pos IS NULL`, username)
	switch {
	case err != nil:
		return none, err
	case !enabled:
		return none, chat.ErrNotFound
	}
	if err := tx.guardTokenChats(ctx, username, n.Chats.IDs()); err != nil {
		return none, err
	}
	if err := tx.guardTokens(ctx, username, max); err != nil {
		return none, err
	}
	row := tokenRow{
		ID: token.ID(), Name: n.Name, Scopes: n.Scopes.String(), Chats: string(n.Chats),
		CreatedAt: tx.now.UnixMilli(), Expires: tx.now.Time().Add(n.Life).UnixMilli(),
	}
	tx.later(`INSERT INTO sessions (id, username, created_at, access_expires_at, refresh_hash, refresh_generation, refreshed_at,
			refresh_expires_at, kind, name, scopes, chats, token_hash)
		VALUES (?, ?, ?, ?, ?, 0, 0, ?, 'token', ?, ?, ?, ?)`,
		row.ID, username, row.CreatedAt, row.Expires, []byte{}, row.Expires, row.Name, row.Scopes, row.Chats, token.Hash())
	return row.token(), nil
}

// guardTokenChats refuses chats that a user may not know of.
func (tx *transaction) guardTokenChats(ctx context.Context, username string, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	var known int
	err := tx.get(ctx, &known, `SELECT count(*) FROM chats c WHERE c.id `+tx.d.among+` AND c.deleted_pos IS NULL
		AND (c.visibility = 'public' OR EXISTS (SELECT 1 FROM memberships m
			WHERE m.chat = c.id AND m.username = ? AND m.left_pos IS NULL))`, tx.d.list(ids), username)
	if err == nil && known < len(ids) {
		err = chat.UnknownTokenChat
	}
	return err
}

// guardTokens refuses one token more than a user may have. Those that have ended make room;
// so a user never has more rows than max that are not ended.
func (tx *transaction) guardTokens(ctx context.Context, username string, max int) error {
	if max == 0 {
		return nil
	}
	const ofUser = ` FROM sessions WHERE username = ? AND kind = 'token' AND ended_pos IS NULL AND access_expires_at `
	over := tx.now.Time().Add(-tokenOverKept).UnixMilli()
	var has int
	err := tx.get(ctx, &has, `SELECT count(*)`+ofUser+`>= ?`, username, over)
	switch {
	case err != nil:
		return err
	case has >= max:
		return chat.ErrTooManyTokens
	}
	tx.later(`DELETE`+ofUser+`< ?`, username, over)
	return nil
}

// Tokens lists tokens by id. chat.ErrForbidden, chat.ErrNotFound.
func (r *Repository) Tokens(ctx context.Context, actor chat.Actor, bot string, q chat.ListQuery) (_ chat.Page[chat.Token], err error) {
	defer wrap(&err, "reading a user's script tokens")
	return snapshotRows(ctx, r, actor, q.Limit, func(ctx context.Context, h handle) (none chat.Page[chat.Token], err error) {
		username, err := h.tokenUser(ctx, actor, chat.ReadOwnTokens, bot)
		if err != nil {
			return none, err
		}
		return h.tokens(ctx, username, q)
	})
}

func (h handle) tokens(ctx context.Context, username string, q chat.ListQuery) (chat.Page[chat.Token], error) {
	return list(ctx, h, tokenRow.token, q, selectTokens+`s.username = ? AND s.id > ? ORDER BY s.id LIMIT ?`, username)
}

// RevokeToken ends a token at a position of the log. chat.ErrForbidden; chat.ErrNotFound, also
// for one that is over and for one of another user.
func (r *Repository) RevokeToken(ctx context.Context, actor chat.Actor, bot, id string) (err error) {
	defer wrap(&err, "revoking a script token")
	_, err = write(ctx, r, actor.Username, func(ctx context.Context, tx *transaction) (none struct{}, err error) {
		username, err := tx.tokenUser(ctx, actor, chat.RevokeOwnTokens, bot)
		if err != nil {
			return none, err
		}
		return none, tx.revokeToken(ctx, id, username)
	})
	return err
}

// revokeToken ends a live token of a user; empty is anybody.
func (tx *transaction) revokeToken(ctx context.Context, id, username string) error {
	var row tokenRow
	err := tx.get(ctx, &row, selectTokens+`s.id = ?`, id)
	switch {
	case errors.Is(err, sql.ErrNoRows), err == nil && username != "" && row.Username != username:
		return chat.ErrNotFound
	case err != nil:
		return err
	}
	tx.endSession(row.Username, id)
	return nil
}
