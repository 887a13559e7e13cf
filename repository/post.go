package repository

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"

	"parley/chat"
)

// posting is a post in the writer's queue, and its answer.
type posting struct {
	chat.Post
	actor chat.Actor
	// hash is by what a repetition is compared with the first; empty without a
	// ClientID.
	hash string
	// permit is what is remembered; without one, it has to be loaded.
	permit *permit
	posted chat.Posted
}

// Post implements [chat.Messages].
func (r *Repository) Post(ctx context.Context, actor chat.Actor, p chat.Post) (chat.Posted, error) {
	post := &posting{Post: p, actor: actor}
	if p.ClientID != "" {
		post.hash = postHash(r.postKey, p)
	}
	if err := r.writer.do(ctx, &request{post: post}); err != nil {
		return chat.Posted{}, err
	}
	return post.posted, nil
}

// postHash is kept with a message instead of what was first said, so that edits
// and deletions change nothing in the comparison; the key keeps it from betraying
// a deleted text to whoever guesses.
func postHash(key []byte, p chat.Post) string {
	h := hmac.New(sha256.New, key)
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(p.ReplyTo)))
	h.Write([]byte(p.Text))
	return base64.RawStdEncoding.EncodeToString(h.Sum(nil))
}

// clientKey is what makes a ClientID unique.
type clientKey struct{ chat, author, client string }

func (p *posting) key() clientKey { return clientKey{p.Chat, p.actor.Username, p.ClientID} }

// postRun is a run of posts as it is decided: what is known of the chats, the keys and the
// messages that the run itself adds.
type postRun struct {
	u     *transaction
	chats map[string]*chatHead
	keys  map[clientKey]*posting
	taken []*posting
	// replayed are the requests that are answered by a message stored before,
	// whose id stands in their answer.
	replayed []*posting
}

// chatHead is where a chat stands in the run.
type chatHead struct{ seq, head int64 }

// post decides, numbers and stores neighbouring posts of a batch, in a step of the
// database each, however many they are. known is nil if it is not loaded yet. If
// they are the batch's last, what is stored is committed with it; post says so.
func (tx *transaction) post(ctx context.Context, posts []*request, known []facts, last bool) (committed bool, err error) {
	if known == nil {
		if known, err = tx.link.load(ctx, postings(posts)); err != nil {
			return false, fmt.Errorf("loading what posts are decided by: %w", err)
		}
	}
	run := &postRun{u: tx, chats: make(map[string]*chatHead), taken: make([]*posting, 0, len(posts))}
	for i, req := range posts {
		req.err = run.take(req.post, known[i])
	}
	if err := run.replay(ctx, posts); err != nil {
		return false, fmt.Errorf("reading repeated posts: %w", err)
	}
	if len(run.taken) == 0 {
		return false, nil
	}
	for _, p := range run.taken {
		m := &p.posted.Message
		tx.events = append(tx.events, chat.Event{
			Pos: m.ID, Kind: chat.KindMessage, Chat: m.Chat, Seq: m.Seq, Message: m, Origin: p.Origin,
		})
	}
	tx.dirty = true
	if err := tx.link.store(ctx, tx, run.taken, run.chats, last); err != nil {
		return false, fmt.Errorf("storing posts: %w", err)
	}
	return last, nil
}

// unpermitted are the posts whose permit has to be loaded.
func unpermitted(posts []*posting) []*posting {
	return slices.DeleteFunc(slices.Clone(posts), func(p *posting) bool { return p.permit != nil })
}

func hasKey(p *posting) bool  { return p.ClientID != "" }
func isReply(p *posting) bool { return p.ReplyTo != 0 }

func postings(reqs []*request) []*posting {
	posts := make([]*posting, len(reqs))
	for i, req := range reqs {
		posts[i] = req.post
	}
	return posts
}

// take decides one post and numbers it if nothing speaks against it.
func (run *postRun) take(p *posting, f facts) error {
	p.posted = chat.Posted{}
	if !f.live {
		return chat.ErrSessionEnded
	}
	if !f.seq.Valid {
		return chat.ErrNotFound
	}
	// The key comes before the membership: who asks again, because the answer was
	// lost, is told what happened, also if he has left in the meantime.
	if p.ClientID != "" {
		if f.known.Valid {
			if f.hash.String != p.hash {
				return chat.ErrIdempotencyMismatch
			}
			p.posted = chat.Posted{Message: chat.Message{ID: f.known.Int64}, Replayed: true}
			run.replayed = append(run.replayed, p)
			return nil
		}
		if first, ok := run.keys[p.key()]; ok {
			if first.hash != p.hash {
				return chat.ErrIdempotencyMismatch
			}
			p.posted.Replayed = true
			return nil
		}
	}
	switch {
	case !f.member && f.public:
		return chat.ErrNotAMember
	case !f.member:
		return chat.ErrNotFound
	case p.ReplyTo != 0 && !f.replyIsHere:
		return chat.Invalid("reply_to", "must be a message of the same chat")
	}
	run.number(p, f.seq.Int64)
	return nil
}

// number gives p the next position and its chat's next seq.
func (run *postRun) number(p *posting, seq int64) {
	head := run.chats[p.Chat]
	if head == nil {
		head = &chatHead{seq: seq}
		run.chats[p.Chat] = head
	}
	run.u.pos++
	head.seq++
	head.head = run.u.pos
	p.posted.Message = chat.Message{
		ID: run.u.pos, Seq: head.seq, Chat: p.Chat, Author: p.actor.Username, Text: p.Text,
		CreatedAt: run.u.now, ReplyTo: p.ReplyTo, ClientID: p.ClientID,
	}
	run.taken = append(run.taken, p)
	if p.ClientID != "" {
		if run.keys == nil {
			run.keys = make(map[clientKey]*posting)
		}
		run.keys[p.key()] = p
	}
}

// replay fills in the answers of posts whose key was known: with the message as it
// is now or, where the first was taken in this run, with that one's.
func (run *postRun) replay(ctx context.Context, reqs []*request) error {
	for _, p := range run.replayed {
		var row messageRow
		err := run.u.get(ctx, &row, `SELECT `+messageColumns+` FROM messages m WHERE m.id = ?`, p.posted.Message.ID)
		if err != nil {
			return err
		}
		p.posted.Message = row.message()
	}
	for _, req := range reqs {
		if p := req.post; req.err == nil && p.posted.Replayed && p.posted.Message.ID == 0 {
			p.posted.Message = run.keys[p.key()].posted.Message
		}
	}
	return nil
}
