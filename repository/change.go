package repository

import (
	"context"
	"encoding/json"

	"parley/chat"
	"parley/repository/posts"
)

// EditMessage implements [chat.Messages].
func (r *Repository) EditMessage(ctx context.Context, actor chat.Actor, id int64, text string, p chat.Precondition) (chat.Message, error) {
	return r.change(ctx, actor, text, posts.Change{Kind: chat.KindMessageEdited, ID: id, If: p}, chat.EditMessage)
}

// DeleteMessage implements [chat.Messages].
func (r *Repository) DeleteMessage(ctx context.Context, actor chat.Actor, id int64, p chat.Precondition) error {
	_, err := r.change(ctx, actor, "", posts.Change{Kind: chat.KindMessageDeleted, ID: id, If: p}, chat.DeleteOwnMessage)
	return err
}

// React implements [chat.Messages].
func (r *Repository) React(ctx context.Context, actor chat.Actor, id int64, emoji string, on bool) (chat.Message, error) {
	return r.change(ctx, actor, "", posts.Change{Kind: chat.KindReaction, ID: id, Emoji: emoji, On: on}, chat.React)
}

// provenance is what never changes of a message.
type provenance struct{ chat, author string }

// maxProvenances bounds of how many messages it is remembered: some megabytes.
const maxProvenances = 1 << 14

// change has a change of a message decided behind the log's lock. What it is decided by is known
// before as far as it never changes. action is the least that the change takes.
func (r *Repository) change(ctx context.Context, actor chat.Actor, text string, c posts.Change, action chat.Action) (none chat.Message, err error) {
	defer wrap(&err, "changing a message")
	of, known := r.provenances.Get(c.ID)
	if !known {
		found, err := readAs(ctx, r, actor, func(ctx context.Context, h handle) (chat.Message, error) {
			return h.message(ctx, actor, action, c.ID)
		})
		if err != nil {
			return none, err
		}
		of = provenance{found.Chat, found.Author}
		r.provenances.Add(c.ID, of)
	}
	c.Author = of.author
	e := &posts.Entry{Actor: actor, Post: chat.Post{Chat: of.chat, Text: text}, Change: &c}
	if err := r.posts.Do(ctx, e); err != nil {
		return none, r.dialect.refusal(ctx, unnamed(actor, action, err))
	}
	return e.Posted.Message, nil
}

// showOwn notes at each message with which emojis a user has reacted to it.
func (h handle) showOwn(ctx context.Context, username string, messages []chat.Message) error {
	own, err := h.ownReactions(ctx, username, messages)
	for i := range messages {
		messages[i].Reactions = messages[i].Reactions.For(own[messages[i].ID])
	}
	return err
}

// ownReactions are a user's emojis by message.
type ownReactions map[int64][]string

// ownReactions are those of a user to some messages. They are read in one statement, and in
// none if every user of every emoji is named.
func (h handle) ownReactions(ctx context.Context, username string, messages []chat.Message) (ownReactions, error) {
	own := make(ownReactions)
	var ids []int64
	for _, m := range messages {
		emojis, all := m.Reactions.Own(username)
		if !all {
			ids = append(ids, m.ID)
		} else if emojis != nil {
			own[m.ID] = emojis
		}
	}
	if ids == nil {
		return own, nil
	}
	list, err := json.Marshal(ids)
	if err != nil {
		return nil, err
	}
	var rows []struct {
		Message int64
		Emoji   string
	}
	err = h.all(ctx, &rows, `SELECT r.message, r.emoji FROM (SELECT CAST(CAST(value AS text) AS bigint) AS id FROM `+h.d.each+`) q
		JOIN reactions r ON r.message = q.id AND r.username = ?`, string(list), username)
	for _, row := range rows {
		own[row.Message] = append(own[row.Message], row.Emoji)
	}
	return own, err
}
