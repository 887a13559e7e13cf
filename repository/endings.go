package repository

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"parley/chat"
)

// A chat or a user ends by one row at one position. Every query treats what depends on it
// as ended there: the memberships of a deleted chat, the sessions of a disabled user. The
// rows of these are closed, and the chat's content is erased, by the cleaner. The memberships
// of a closed account end behind it, each at a position of its own. Only the statements here
// grow with somebody's data, each by no more than a slice.

// endingSlice is how many rows a statement of the cleaner changes. On SQLite posts wait
// behind it, for as long as a full batch of posts would keep them.
const endingSlice = 500

// endingsAtOnce is how many endings the cleaner reads at once. For failedEndings of them it waits
// for a database that does not answer, before it tries again later; of so many it tells why they
// failed.
const (
	endingsAtOnce = 100
	failedEndings = 4
)

// ending is what has ended and still has rows to close or to erase.
type ending struct {
	Kind string `db:"kind"`
	ID   string `db:"id"`
}

const (
	endedChat = "chat"
	// endedUser is a user that was disabled.
	endedUser = "user"
	// closedAccount is a user whose account was closed, and erasedAccount one whose texts are
	// erased besides.
	closedAccount = "account"
	erasedAccount = "account and texts"
	// baredMessage is a message that was deleted and had reactions.
	baredMessage = "message"
)

// closing is what there is to do for a kind of ending.
type closing struct {
	// steps each do a slice, and say whether there may be more.
	steps []func(r *Repository, ctx context.Context, id string) (more bool, err error)
	// left finds what they have not done yet of an ending e.
	left string
}

var closings = map[string]closing{
	endedChat: {
		steps: []func(*Repository, context.Context, string) (bool, error){
			(*Repository).closeMemberships, (*Repository).eraseTitles, (*Repository).eraseTexts,
		},
		left: `SELECT 1 FROM memberships WHERE chat = endings.id AND left_pos IS NULL
			UNION ALL SELECT 1 FROM events WHERE chat = endings.id AND title IS NOT NULL
			UNION ALL SELECT 1 FROM chats WHERE id = endings.id AND last_message IS NOT NULL`,
	},
	endedUser: {
		steps: []func(*Repository, context.Context, string) (bool, error){(*Repository).closeSessions},
		left:  `SELECT 1 FROM sessions WHERE username = endings.id AND ended_pos IS NULL`,
	},
	closedAccount: {
		steps: []func(*Repository, context.Context, string) (bool, error){(*Repository).endMemberships},
		left: `SELECT 1 FROM memberships m JOIN chats c ON c.id = m.chat AND c.deleted_pos IS NULL
			WHERE m.username = endings.id AND m.left_pos IS NULL`,
	},
	erasedAccount: {
		steps: []func(*Repository, context.Context, string) (bool, error){
			(*Repository).endMemberships, (*Repository).eraseOwnTexts,
		},
		left: `SELECT 1 FROM memberships WHERE username = endings.id`,
	},
	baredMessage: {
		steps: []func(*Repository, context.Context, string) (bool, error){(*Repository).dropReactions},
		left:  `SELECT 1 FROM reactions WHERE message = CAST(endings.id AS bigint)`,
	},
}

// leave notes in the transaction that ends something that its rows are to be closed.
func (e ending) leave(tx *transaction) {
	tx.later(`INSERT INTO endings (kind, id) VALUES (?, ?) ON CONFLICT (kind, id) DO NOTHING`, e.Kind, e.ID)
}

// endings are the next of those that are left, behind last in their order.
func (h handle) endings(ctx context.Context, last ending) (next []ending, err error) {
	err = h.all(ctx, &next, `SELECT kind, id FROM endings WHERE (kind, id) > (?, ?) ORDER BY kind, id LIMIT ?`,
		last.Kind, last.ID, endingsAtOnce)
	return next, err
}

// finishEndings works on all endings until none is left, or none that it can do anything
// about. It says whether it erased anything, and what failed at last.
func (r *Repository) finishEndings(ctx context.Context) (erased bool, err error) {
	for moved := true; moved; {
		var some bool
		moved, some, err = r.endingsRound(ctx)
		erased = erased || some
	}
	return erased, err
}

// endingsRound does a slice of each ending, so that neither a large one holds up the others
// nor one that waits, as the erasing of an account does for the chats that ended with it, nor
// one that fails. moved says that anything was done, and erased that it was more than closing
// sessions.
func (r *Repository) endingsRound(ctx context.Context) (moved, erased bool, err error) {
	var last ending
	for failed, silent := 0, 0; ; {
		next, unread := read(ctx, r, func(ctx context.Context, h handle) ([]ending, error) { return h.endings(ctx, last) })
		if unread != nil {
			return moved, erased, errors.Join(err, fmt.Errorf("looking for what has ended: %w", unread))
		}
		if len(next) == 0 {
			return moved, erased, err
		}
		for _, last = range next {
			did, wrong := r.finish(ctx, last)
			moved = moved || did
			erased = erased || (did || wrong != nil) && last.Kind != endedUser // what failed may have committed
			if wrong == nil {
				continue
			}
			if failed++; failed <= failedEndings {
				err = errors.Join(err, fmt.Errorf("closing the %s %s: %w", last.Kind, last.ID, wrong))
			}
			if errors.Is(wrong, chat.ErrUnavailable) {
				silent++
			}
			if silent == failedEndings || ctx.Err() != nil {
				return moved, erased, err
			}
		}
	}
}

// finish does the next slice of what is left of an ending. Behind the last one it takes the
// ending from the list, unless another instance is still at work on it. It says whether it
// did either. It leaves alone what is no kind of this release.
func (r *Repository) finish(ctx context.Context, e ending) (did bool, err error) {
	c, known := closings[e.Kind]
	if !known {
		return false, nil
	}
	for _, step := range c.steps {
		if more, err := step(r, ctx, e.ID); err != nil || more {
			return more && err == nil, err
		}
	}
	n, err := r.beside(ctx, `DELETE FROM endings WHERE kind = ? AND id = ? AND NOT EXISTS (`+c.left+`)`, e.Kind, e.ID)
	return n > 0, err
}

// beside runs one statement that changes nothing by which posts are decided, and says how
// many rows it changed.
func (r *Repository) beside(ctx context.Context, query string, args ...any) (int64, error) {
	return r.besideAs(ctx, "", query, args...)
}

// besideAs is beside for the sake of a user, who is answered in time.
func (r *Repository) besideAs(ctx context.Context, whose, query string, args ...any) (int64, error) {
	var changed int64 // behind an error the statement may still run, and set it
	err := r.dialect.beside(ctx, r, whose, func(ctx context.Context, c changer) (err error) {
		changed, err = c.exec(ctx, query, args...)
		return err
	})
	if err != nil {
		return 0, err
	}
	return changed, nil
}

// The statements of the steps. The last argument of each is how many rows it changes.
const (
	closeMemberships = `UPDATE memberships SET left_pos = (SELECT deleted_pos FROM chats WHERE id = ?)
		WHERE chat = ? AND left_pos IS NULL AND username <= (SELECT max(username) FROM (
			SELECT username FROM memberships WHERE chat = ? AND left_pos IS NULL ORDER BY username LIMIT ?) slice)`
	eraseTitles = `UPDATE events SET title = NULL
		WHERE pos IN (SELECT pos FROM events WHERE chat = ? AND title IS NOT NULL LIMIT ?)`
	deleteReactions = `DELETE FROM reactions WHERE message = ? AND (username, emoji) IN (
		SELECT username, emoji FROM reactions WHERE message = ? ORDER BY username, emoji LIMIT ?)`
	closeSessions = `UPDATE sessions SET refresh_expires_at = ` + endedUntil + `,
			ended_pos = (SELECT disabled_pos FROM users WHERE username = ?)
		WHERE ended_pos IS NULL AND id IN (SELECT s.id FROM sessions s
			WHERE s.username = ? AND s.ended_pos IS NULL
				AND (SELECT u.disabled_pos FROM users u WHERE u.username = s.username) IS NOT NULL LIMIT ?)`
)

// closeMemberships ends memberships of a deleted chat where the chat ended.
func (r *Repository) closeMemberships(ctx context.Context, chatID string) (more bool, err error) {
	n, err := r.beside(ctx, closeMemberships, chatID, chatID, chatID, endingSlice)
	return n == endingSlice, err
}

// eraseTitles takes the titles that a deleted chat has had from its events.
func (r *Repository) eraseTitles(ctx context.Context, chatID string) (more bool, err error) {
	n, err := r.beside(ctx, eraseTitles, chatID, endingSlice)
	return n == endingSlice, err
}

// dropReactions deletes reactions to a message that was deleted.
func (r *Repository) dropReactions(ctx context.Context, message string) (more bool, err error) {
	id, err := strconv.ParseInt(message, 10, 64)
	if err != nil {
		return false, err
	}
	n, err := r.beside(ctx, deleteReactions, id, id, endingSlice)
	return n == endingSlice, err
}

// closeSessions ends sessions of a disabled user where that user was disabled.
func (r *Repository) closeSessions(ctx context.Context, username string) (more bool, err error) {
	n, err := r.beside(ctx, closeSessions, time.Now().UnixMilli(), username, username, endingSlice)
	return n == endingSlice, err
}

// eraseTexts takes the texts from a deleted chat's newest messages that still have one. How
// far it has come is the chat's last_message, which nothing else reads of a deleted chat.
func (r *Repository) eraseTexts(ctx context.Context, chatID string) (more bool, err error) {
	type slice struct {
		last sql.NullInt64
		ids  []int64
	}
	s, err := read(ctx, r, func(ctx context.Context, h handle) (s slice, err error) {
		err = h.get(ctx, &s.last, `SELECT last_message FROM chats WHERE id = ?`, chatID)
		if err == nil && s.last.Valid {
			err = h.all(ctx, &s.ids, `SELECT m.id`+backward, chatID, s.last.Int64+1, endingSlice+1)
		}
		return s, err
	})
	if err != nil || !s.last.Valid {
		return false, err
	}
	first, next := s.last.Int64, sql.NullInt64{}
	switch n := len(s.ids); {
	case n > endingSlice:
		first, next, more = s.ids[endingSlice-1], sql.NullInt64{Int64: s.ids[endingSlice], Valid: true}, true
	case n > 0: // else somebody has removed the messages
		first = s.ids[n-1]
	}
	return more, r.dialect.beside(ctx, r, "", func(ctx context.Context, c changer) error {
		_, err := c.exec(ctx, `INSERT INTO endings (kind, id) SELECT 'message', CAST(id AS text) FROM messages
			WHERE chat = ? AND id BETWEEN ? AND ? AND reactions IS NOT NULL ON CONFLICT (kind, id) DO NOTHING`,
			chatID, first, s.last.Int64)
		if err == nil {
			_, err = c.exec(ctx, `UPDATE messages SET text = '', reactions = NULL WHERE chat = ? AND id BETWEEN ? AND ?`,
				chatID, first, s.last.Int64)
		}
		if err == nil {
			// Another instance may have erased them first, and come further.
			_, err = c.exec(ctx, `UPDATE chats SET last_message = ? WHERE id = ? AND last_message = ?`, next, chatID, s.last.Int64)
		}
		return err
	})
}
