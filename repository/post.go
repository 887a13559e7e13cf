package repository

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/binary"
	"fmt"

	"parley/chat"
)

// posting is a post in the writer's queue, and its answer.
type posting struct {
	chat.Post
	actor chat.Actor
	// hash is by what a repetition is compared with the first; empty without a
	// ClientID.
	hash   string
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

// run of posts as it is decided: what is known of the chats, the keys and the
// messages that the run itself adds.
type postRun struct {
	u     *unit
	chats map[string]*chatHead
	keys  map[clientKey]*posting
	taken []*posting
	// replayed are the requests that are answered by a message stored before,
	// whose id stands in their answer.
	replayed []*posting
}

// chatHead is where a chat stands in the run.
type chatHead struct{ seq, head int64 }

// facts is what the database knows of a post.
type facts struct {
	live        bool
	seq         sql.NullInt64 // of the chat; NULL where there is none, or no more
	public      bool
	member      bool
	known       sql.NullInt64 // id of the message with the post's key
	hash        sql.NullString
	replyIsHere bool
}

// post decides, numbers and stores neighbouring posts in three steps of the
// database at most, however many they are: one loads what they are decided by,
// one stores them, and one reads the messages of repeated keys, if there are any.
func (u *unit) post(ctx context.Context, reqs []*request) error {
	run := &postRun{u: u, chats: make(map[string]*chatHead), taken: make([]*posting, 0, len(reqs))}
	if err := run.decide(ctx, reqs); err != nil {
		return fmt.Errorf("loading what posts are decided by: %w", err)
	}
	if len(run.taken) > 0 {
		if err := run.store(ctx); err != nil {
			return fmt.Errorf("storing posts: %w", err)
		}
	}
	if len(run.replayed) > 0 {
		if err := run.replay(ctx); err != nil {
			return fmt.Errorf("reading repeated posts: %w", err)
		}
	}
	// A post that repeats one of the same run has that one's answer.
	for _, req := range reqs {
		if p := req.post; req.err == nil && p.posted.Replayed && p.posted.Message.ID == 0 {
			p.posted.Message = run.keys[p.key()].posted.Message
		}
	}
	return nil
}

// decide asks the database once for all and then takes the requests in order.
func (run *postRun) decide(ctx context.Context, reqs []*request) error {
	d := run.u.d
	in := d.newTable(askedColumns, len(reqs))
	for _, req := range reqs {
		p := req.post
		in.add(p.Chat, p.actor.Username, p.actor.Session, p.ClientID, p.ReplyTo)
	}
	rows, err := run.u.session.load.QueryContext(ctx, in.args()...)
	if err != nil {
		return err
	}
	defer rows.Close()
	known := make([]facts, len(reqs))
	for rows.Next() {
		var f facts
		var n int
		if err := rows.Scan(&n, &f.live, &f.seq, &f.public, &f.member, &f.known, &f.hash, &f.replyIsHere); err != nil {
			return err
		}
		known[n-1] = f
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for i, req := range reqs {
		req.err = run.take(req.post, known[i])
	}
	return nil
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

// store writes the run's messages and events, and raises its chats and the head.
func (run *postRun) store(ctx context.Context) error {
	u := run.u
	messages := u.d.newTable(postedColumns, len(run.taken))
	for _, p := range run.taken {
		m := &p.posted.Message
		messages.add(m.ID, m.Chat, m.Seq, m.Author, m.Text, m.ReplyTo, m.ClientID, p.hash, p.Origin)
		u.events = append(u.events, chat.Event{
			Pos: m.ID, Kind: chat.KindMessage, Chat: m.Chat, Seq: m.Seq, Message: m, Origin: p.Origin,
		})
	}
	chats := u.d.newTable(raisedColumns, len(run.chats))
	for id, head := range run.chats {
		chats.add(id, head.seq, head.head)
	}
	return u.storePosts(ctx, messages, chats, len(run.taken))
}

// replay reads the messages that repeated keys belong to, as they are now.
func (run *postRun) replay(ctx context.Context) error {
	for _, p := range run.replayed {
		var row messageRow
		err := run.u.get(ctx, &row, `SELECT `+messageColumns+` FROM messages m WHERE m.id = ?`, p.posted.Message.ID)
		if err != nil {
			return err
		}
		p.posted.Message = row.message()
	}
	return nil
}
