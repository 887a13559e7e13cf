package repository

import (
	"context"
	"crypto/rand"
	"strings"

	"parley/chat"
	"parley/repository/posts"
)

// chatColumns are those of a chatRow, of a chat c whose member is m with the read marker k, and whose last
// message is l.
func (d *dialect) chatColumns() string {
	return `c.id, c.title, c.visibility, c.created_at, c.head, COALESCE(m.role, '') AS role,
		COALESCE(` + d.unread() + `, 0) AS unread,
		` + posts.NoMessageOr("l", "last")
}

// selectChats reads chats as a user sees them, who is its one argument. Of a chat that the
// user is not in, it does not read the last message.
func (d *dialect) selectChats() string {
	return `SELECT ` + d.chatColumns() + ` FROM chats c
	LEFT JOIN memberships m ON m.chat = c.id AND m.username = ? AND m.left_pos IS NULL` + joinMarker + `
	LEFT JOIN messages l ON l.id = c.last_message AND m.role IS NOT NULL
	WHERE c.deleted_pos IS NULL AND `
}

// selectOwnChats reads a user's own chats.
func (d *dialect) selectOwnChats() string {
	return `SELECT ` + d.chatColumns() + ` FROM memberships m
	JOIN chats c ON c.id = m.chat AND c.deleted_pos IS NULL` + joinMarker + `
	LEFT JOIN messages l ON l.id = c.last_message
	WHERE m.username = ? AND m.left_pos IS NULL AND `
}

// chatRow is a chat as one user sees it.
type chatRow struct {
	ID         string          `db:"id"`
	Title      string          `db:"title"`
	Visibility chat.Visibility `db:"visibility"`
	CreatedAt  int64           `db:"created_at"`
	Head       int64           `db:"head"`
	Role       chat.Role       `db:"role"`
	Unread     int64           `db:"unread"`
	Last       messageRow      `db:"last"`
}

func (c chatRow) chat() chat.Chat {
	ch := chat.Chat{ID: c.ID, Title: c.Title, Visibility: c.Visibility, CreatedAt: chat.TimeFromMilli(c.CreatedAt)}
	if c.Role == "" {
		return ch
	}
	var last *chat.Message
	if c.Last.ID != 0 {
		m := c.Last.Message()
		last = &m
	}
	ch.Role, ch.Head, ch.Unread, ch.LastMessage = &c.Role, c.Head, &c.Unread, &last
	return ch
}

// chat reads one chat as the actor sees it, who may know of it.
func (h handle) chat(ctx context.Context, actor chat.Actor, chatID string) (chat.Chat, error) {
	var row chatRow
	err := h.get(ctx, &row, h.d.selectChats()+`c.id = ?`, actor.Username, chatID)
	return row.chat(), orNotFound(err)
}

// chats reads a page of the chats of a query, in the order of their ids, of which column is
// one. The query's one argument is the actor.
func (h handle) chats(ctx context.Context, actor chat.Actor, q chat.ListQuery, query, column string) (chat.Page[chat.Chat], error) {
	args := []any{actor.Username}
	if actor.Chats != chat.AllChats {
		query += column + ` ` + h.d.among + ` AND `
		args = append(args, h.d.list(actor.Chats.IDs()))
	}
	query += column + ` > ? ORDER BY ` + column + ` LIMIT ?`
	return list(ctx, h, chatRow.chat, q, query, args...)
}

// listChats is chats, for an actor that may list them.
func (r *Repository) listChats(ctx context.Context, actor chat.Actor, q chat.ListQuery, query, column string) (chat.Page[chat.Chat], error) {
	return snapshotRows(ctx, r, actor, q.Limit, func(ctx context.Context, h handle) (none chat.Page[chat.Chat], err error) {
		if err := h.decide(ctx, actor, chat.ListChats); err != nil {
			return none, err
		}
		return h.chats(ctx, actor, q, query, column)
	})
}

// MemberChats implements [chat.Chats].
func (r *Repository) MemberChats(ctx context.Context, actor chat.Actor, q chat.ListQuery) (_ chat.Page[chat.Chat], err error) {
	defer wrap(&err, "reading a user's chats")
	return r.listChats(ctx, actor, q, r.dialect.selectOwnChats(), `m.chat`)
}

// isPublic keeps selectChats to the public chats.
const isPublic = `c.visibility = 'public' AND `

// PublicChats implements [chat.Chats].
func (r *Repository) PublicChats(ctx context.Context, actor chat.Actor, q chat.ListQuery) (_ chat.Page[chat.Chat], err error) {
	defer wrap(&err, "reading the public chats")
	return r.listChats(ctx, actor, q, r.dialect.selectChats()+isPublic, `c.id`)
}

// Chat implements [chat.Chats].
func (r *Repository) Chat(ctx context.Context, actor chat.Actor, chatID string) (_ chat.Chat, err error) {
	defer wrap(&err, "reading a chat")
	return snapshot(ctx, r, actor, func(ctx context.Context, h handle) (chat.Chat, error) {
		if _, err := h.admit(ctx, actor, chat.ReadChat, chatID); err != nil {
			return chat.Chat{}, err
		}
		return h.chat(ctx, actor, chatID)
	})
}

// CreateChat implements [chat.Chats]. The chat's first event is its owner's
// member.joined.
func (r *Repository) CreateChat(ctx context.Context, actor chat.Actor, n chat.NewChat) (_ chat.Chat, err error) {
	defer wrap(&err, "creating a chat")
	if n.ID == "" {
		n.ID = strings.ToLower(rand.Text())
	}
	return write(ctx, r, actor.Username, func(ctx context.Context, tx *transaction) (none chat.Chat, err error) {
		if err := tx.decide(ctx, actor, chat.CreateChat); err != nil {
			return none, err
		}
		// The row of a deleted chat is still there, and so its id is taken.
		taken, err := tx.exists(ctx, `SELECT 1 FROM chats WHERE id = ?`, n.ID)
		switch {
		case err != nil:
			return none, err
		case taken:
			return none, chat.ErrChatExists
		}
		if err := tx.guardChats(ctx, actor.Username, r.maxChats); err != nil {
			return none, err
		}
		tx.later(`INSERT INTO chats (id, title, visibility, created_at, seq, head) VALUES (?, ?, ?, ?, 0, 0)`,
			n.ID, n.Title, string(n.Visibility), tx.now.UnixMilli())
		tx.join(1, n.ID, actor.Username, chat.RoleOwner)
		return chatRow{
			ID: n.ID, Title: n.Title, Visibility: n.Visibility, CreatedAt: tx.now.UnixMilli(),
			Head: tx.pos, Role: chat.RoleOwner,
		}.chat(), nil
	})
}

// UpdateChat implements [chat.Chats].
func (r *Repository) UpdateChat(ctx context.Context, actor chat.Actor, chatID string, change chat.ChatChange) (_ chat.Chat, err error) {
	defer wrap(&err, "changing a chat")
	return write(ctx, r, actor.Username, func(ctx context.Context, tx *transaction) (none chat.Chat, err error) {
		own, err := tx.admit(ctx, actor, chat.ChangeChat, chatID)
		if err != nil {
			return none, err
		}
		tx.change(own, chatID, change)
		return tx.chat(ctx, actor, chatID)
	})
}

// change makes a change of a chat, where it is one.
func (tx *transaction) change(was access, chatID string, change chat.ChatChange) {
	title, visibility := was.Title, was.Visibility
	if change.Title != nil {
		title = *change.Title
	}
	if change.Visibility != nil {
		visibility = *change.Visibility
	}
	if title == was.Title && visibility == was.Visibility {
		return
	}
	tx.append(chat.Event{Kind: chat.KindChatUpdated, Chat: chatID, Seq: was.Seq + 1, Title: title, Visibility: visibility})
	tx.later(`UPDATE chats SET title = ?, visibility = ? WHERE id = ?`, title, string(visibility), chatID)
}

// DeleteChat implements [chat.Chats]. All memberships end at the position of its
// chat.deleted. Closing their rows and erasing the content is left to the cleaner. The
// chat's own row stays, so that its id is taken for ever.
func (r *Repository) DeleteChat(ctx context.Context, actor chat.Actor, chatID string) (err error) {
	defer wrap(&err, "deleting a chat")
	_, err = write(ctx, r, actor.Username, func(ctx context.Context, tx *transaction) (none struct{}, err error) {
		own, err := tx.admit(ctx, actor, chat.DeleteChat, chatID)
		if err != nil {
			return none, err
		}
		tx.deleteChat(own.Seq+1, chatID)
		return none, nil
	})
	if err == nil {
		r.cleaner.wake()
	}
	return err
}

// deleteChat ends a chat at its next seq.
func (tx *transaction) deleteChat(seq int64, chatID string) {
	pos := tx.append(chat.Event{Kind: chat.KindChatDeleted, Chat: chatID, Seq: seq})
	tx.later(`UPDATE chats SET title = '', deleted_pos = ? WHERE id = ?`, pos, chatID)
	ending{endedChat, chatID}.leave(tx)
}
