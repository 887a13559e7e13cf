package repository

import (
	"context"
	"errors"

	"golang.org/x/sync/errgroup"

	"parley/chat"
	"parley/repository/posts"
)

// openAccount reads a user whose account is not closed. chat.ErrNotFound.
func (h handle) openAccount(ctx context.Context, username string) (userRow, error) {
	row, err := h.user(ctx, username)
	if err == nil && row.Closed.Valid {
		err = chat.ErrNotFound
	}
	return row, err
}

// SetPassword implements [auth.Store]. The last sign-ins end in the transaction that changes the
// password. Script tokens go on: they are made and revoked by themselves.
func (r *Repository) SetPassword(ctx context.Context, actor chat.Actor, username, hash string) (err error) {
	defer wrap(&err, "setting a password")
	for {
		set, err := write(ctx, r, actor.Username, func(ctx context.Context, tx *transaction) (bool, error) {
			return tx.setPassword(ctx, actor, username, hash)
		})
		if err != nil || set {
			return err
		}
	}
}

// setPassword ends sign-ins of a user, and sets the password where they were the last ones.
func (tx *transaction) setPassword(ctx context.Context, actor chat.Actor, username, hash string) (set bool, err error) {
	if err := tx.decide(ctx, actor, chat.ChangeUsers); err != nil {
		return false, err
	}
	row, err := tx.openAccount(ctx, username)
	switch {
	case err != nil:
		return false, err
	case row.PasswordHash == "": // a bot, or a user of another issuer
		return false, chat.Invalid("new_password", "is not taken: this user signs in without a password")
	}
	if !row.Disabled.Valid { // else they have ended
		more, err := tx.endSignIns(ctx, username, "")
		if err != nil || more {
			return false, err
		}
	}
	tx.later(`UPDATE users SET password_hash = ? WHERE username = ?`, hash, username)
	return true, nil
}

// CloseAccount implements [chat.Administration].
func (r *Repository) CloseAccount(ctx context.Context, actor chat.Actor, username string, erase bool) (err error) {
	defer wrap(&err, "closing an account")
	return r.closeAccount(ctx, actor, chat.DeleteUsers, username, erase)
}

// CloseOwnAccount is CloseAccount for the actor's own account.
func (r *Repository) CloseOwnAccount(ctx context.Context, actor chat.Actor, erase bool) (err error) {
	defer wrap(&err, "closing one's own account")
	return r.closeAccount(ctx, actor, chat.CloseOwnAccount, actor.Username, erase)
}

// closeAccount closes an account at the position of its user.disabled. That row ends its
// sessions and tokens; its memberships end behind it, each at a position of its own, by the
// cleaner. The user's row stays without its password and display name, so that the username,
// and the subject of another issuer's user, are never used again.
func (r *Repository) closeAccount(ctx context.Context, actor chat.Actor, action chat.Action, username string, erase bool) error {
	_, err := write(ctx, r, actor.Username, func(ctx context.Context, tx *transaction) (none struct{}, err error) {
		if err := tx.decide(ctx, actor, action); err != nil {
			return none, err
		}
		was, err := tx.openAccount(ctx, username)
		if err != nil {
			return none, err
		}
		if err := tx.guardAdmins(ctx, actor, was); err != nil {
			return none, err
		}
		if err := tx.guardChatsOf(ctx, username); err != nil {
			return none, err
		}
		pos := tx.disable(username)
		tx.later(`UPDATE users SET display_name = '', password_hash = '', admin = ?, closed_pos = ? WHERE username = ?`,
			false, pos, username)
		kind := closedAccount
		if erase {
			kind = erasedAccount
		}
		ending{kind, username}.leave(tx)
		return none, nil
	})
	if err == nil {
		r.cleaner.wake()
	}
	return err
}

// leftAlone finds chats that its first argument alone owns and in which there are others. It looks at
// each chat of the user, and there are only as many as one user may be in. The subqueries
// are scalar ones: PostgreSQL would make others a join with all memberships.
const leftAlone = `SELECT m.chat FROM memberships m JOIN chats c ON c.id = m.chat AND c.deleted_pos IS NULL
	WHERE m.username = ? AND m.left_pos IS NULL AND m.role = 'owner'
		AND (SELECT 1 FROM memberships o JOIN users u ON u.username = o.username
			WHERE o.chat = m.chat AND o.username <> m.username AND o.role = 'owner' AND o.left_pos IS NULL
				AND u.disabled_pos IS NULL LIMIT 1) IS NULL
		AND (SELECT 1 FROM memberships o JOIN users u ON u.username = o.username
			WHERE o.chat = m.chat AND o.username <> m.username AND o.left_pos IS NULL
				AND u.closed_pos IS NULL LIMIT 1) IS NOT NULL
	ORDER BY m.chat LIMIT ?`

// guardChatsOf keeps the chats of a user that goes from being left without an owner. Their ids
// are told: its callers have decided that the actor is the user or may close its account.
func (tx *transaction) guardChatsOf(ctx context.Context, username string) error {
	var alone []string
	err := tx.all(ctx, &alone, leftAlone, username, chat.MaxOwnedTold+1)
	if err == nil && len(alone) > 0 {
		err = chat.LastOwnerOf(alone)
	}
	return err
}

// membershipsAtOnce is how many memberships one change ends.
const membershipsAtOnce = 32

// lastMemberships are memberships of its first argument, whose account is closed. alone says
// that no owner is left in the chat. When the account was closed, nobody else was in such a
// chat, so it goes with the account, also if somebody has joined it since.
const lastMemberships = `SELECT c.id AS chat, c.seq, m.role, m.role = 'owner'
		AND (SELECT 1 FROM memberships o JOIN users u ON u.username = o.username
			WHERE o.chat = m.chat AND o.username <> m.username AND o.role = 'owner' AND o.left_pos IS NULL
				AND u.closed_pos IS NULL LIMIT 1) IS NULL AS alone
	FROM memberships m JOIN chats c ON c.id = m.chat AND c.deleted_pos IS NULL
	WHERE m.username = ? AND m.left_pos IS NULL ORDER BY m.chat LIMIT ?`

// endMemberships ends memberships of a closed account.
func (r *Repository) endMemberships(ctx context.Context, username string) (more bool, err error) {
	return write(ctx, r, "", func(ctx context.Context, tx *transaction) (bool, error) {
		var rows []struct {
			Chat  string    `db:"chat"`
			Seq   int64     `db:"seq"`
			Role  chat.Role `db:"role"`
			Alone bool      `db:"alone"`
		}
		if err := tx.all(ctx, &rows, lastMemberships, username, membershipsAtOnce); err != nil {
			return false, err
		}
		for _, m := range rows {
			if m.Alone {
				tx.deleteChat(m.Seq+1, m.Chat)
			} else {
				tx.leave(m.Seq+1, m.Chat, memberRow{Username: username, Role: m.Role})
			}
		}
		return len(rows) == membershipsAtOnce, nil
	})
}

// eraseWindow is how many messages of a chat are looked at for those of one author, and
// membershipsErased of how many memberships that is done at once. Of the messages,
// erasedAtOnce wait for the log together.
const (
	eraseWindow       = 4096
	membershipsErased = 16
	erasedAtOnce      = 64
)

// window is a part of a chat's messages, newest first: the arguments are the chat, and the
// positions that it is between.
const window = `(SELECT m.id, m.author FROM messages m WHERE m.chat = ? AND m.id BETWEEN ? AND ?
	ORDER BY m.id DESC NULLS LAST LIMIT ?) w`

// erasing is a membership that has ended, and what is to be erased of it next.
type erasing struct {
	Chat   string `db:"chat"`
	Joined int64  `db:"joined_pos"`
	Left   int64  `db:"left_pos"`

	own   []int64 // the messages, newest first
	first int64   // the oldest message that was looked at
	done  bool    // nothing is behind that
}

// eraseOwnTexts erases texts that a closed account has left, the newest of some memberships at
// once. How far it has come is where a membership ends, which nobody reads any more; one
// that is done with is deleted.
func (r *Repository) eraseOwnTexts(ctx context.Context, username string) (more bool, err error) {
	slice, err := read(ctx, r, func(ctx context.Context, h handle) (slice []erasing, err error) {
		err = h.all(ctx, &slice, `SELECT chat, joined_pos, left_pos FROM memberships
			WHERE username = ? AND left_pos IS NOT NULL ORDER BY username, chat, joined_pos LIMIT ?`, username, membershipsErased)
		free := endingSlice
		for i := range slice {
			if err != nil || free == 0 {
				return slice[:i], err
			}
			err = h.lookForTexts(ctx, username, &slice[i], free)
			free -= len(slice[i].own)
		}
		return slice, err
	})
	if err != nil || len(slice) == 0 {
		return false, err
	}
	if err := r.eraseMessages(ctx, username, slice); err != nil {
		return false, err
	}
	return true, r.dialect.beside(ctx, r, "", func(ctx context.Context, c changer) error {
		for _, e := range slice {
			if err := e.note(ctx, c, username); err != nil {
				return err
			}
		}
		return nil
	})
}

// lookForTexts finds what is to be erased next of a membership, as many as limit.
func (h handle) lookForTexts(ctx context.Context, username string, e *erasing, limit int) error {
	var seen struct{ First, Messages int64 }
	err := h.get(ctx, &seen, `SELECT COALESCE(min(w.id), 0) AS first, count(*) AS messages FROM `+window,
		e.Chat, e.Joined, e.Left, eraseWindow)
	if err == nil {
		err = h.all(ctx, &e.own, `SELECT w.id FROM `+window+` WHERE w.author = ? ORDER BY w.id DESC LIMIT ?`,
			e.Chat, e.Joined, e.Left, eraseWindow, username, limit)
	}
	e.first, e.done = seen.First, seen.Messages < eraseWindow
	if len(e.own) == limit {
		e.first, e.done = e.own[limit-1], false
	}
	return err
}

// note notes how far the erasing of what was found has come. Another instance may have come
// further.
func (e erasing) note(ctx context.Context, c changer, username string) error {
	const membership = ` WHERE username = ? AND chat = ? AND joined_pos = ? AND left_pos = ?`
	if e.done {
		_, err := c.exec(ctx, `DELETE FROM memberships`+membership, username, e.Chat, e.Joined, e.Left)
		return err
	}
	_, err := c.exec(ctx, `UPDATE memberships SET left_pos = ?`+membership, e.first-1, username, e.Chat, e.Joined, e.Left)
	return err
}

// eraseMessages deletes what was found of a user's messages, each at a position of its own,
// so that streams and their replays show it. Those of a chat that was deleted meanwhile are
// erased with it.
func (r *Repository) eraseMessages(ctx context.Context, username string, slice []erasing) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(erasedAtOnce)
	for _, e := range slice {
		for _, id := range e.own {
			g.Go(func() error {
				err := r.posts.Do(ctx, &posts.Entry{
					Actor:  chat.Actor{Kind: chat.Operator},
					Post:   chat.Post{Chat: e.Chat},
					Change: &posts.Change{Kind: chat.KindMessageDeleted, ID: id, Author: username},
				})
				if errors.Is(err, chat.ErrNotFound) {
					return nil
				}
				return err
			})
		}
	}
	return g.Wait()
}
