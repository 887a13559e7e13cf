package repository

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"

	"parley/chat"
	"parley/repository/posts"
)

// Post implements [chat.Messages].
func (r *Repository) Post(ctx context.Context, actor chat.Actor, p chat.Post) (chat.Posted, error) {
	entry := &posts.Entry{Actor: actor, Post: p}
	if p.ClientID != "" {
		entry.Hash = postHash(r.postKey, p)
	}
	if err := r.posts.Do(ctx, entry); err != nil {
		return chat.Posted{}, r.dialect.refusal(ctx, err)
	}
	// What was just said is what is edited and reacted to most.
	r.provenances.Add(entry.Posted.Message.ID, provenance{p.Chat, actor.Username})
	if !entry.Posted.Replayed || entry.Posted.Message.Reactions == nil {
		return entry.Posted, nil
	}
	m, err := readAs(ctx, r, actor, func(ctx context.Context, h handle) ([]chat.Message, error) {
		m := []chat.Message{entry.Posted.Message}
		return m, h.showOwn(ctx, actor.Username, m)
	})
	if err != nil {
		return chat.Posted{}, err
	}
	entry.Posted.Message = m[0]
	return entry.Posted, nil
}

// postHash is kept with a message instead of what was first said, so that edits and
// deletions change nothing in the comparison. The key keeps the hash from betraying a
// deleted text to a guess.
func postHash(key []byte, p chat.Post) string {
	h := hmac.New(sha256.New, key)
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(p.ReplyTo)))
	h.Write([]byte(p.Text))
	return base64.RawStdEncoding.EncodeToString(h.Sum(nil))
}
