package posts

import (
	"parley/chat"
	"parley/repository/commitlog"
)

// decision is a batch as it is decided, in order: what the entries before leave for
// those behind them.
type decision struct {
	tx     *commitlog.Tx
	now    chat.Time
	places map[string]*Place
	keys   map[key]*Entry
	taken  []*Entry
}

func newDecision(tx *commitlog.Tx, entries int) *decision {
	return &decision{tx: tx, now: chat.NewTime(tx.Began), places: make(map[string]*Place), taken: make([]*Entry, 0, entries)}
}

// take decides one entry and numbers it if nothing speaks against it.
func (d *decision) take(e *Entry) error {
	e.Posted = chat.Posted{}
	if err := e.Actor.Covers(chat.PostMessage, e.Chat); err != nil {
		return err
	}
	switch {
	case !e.Facts.Live:
		return chat.ErrSessionEnded
	case !e.Facts.Exists:
		return chat.ErrNotFound
	}
	// The key comes before the membership: an author whose answer was lost is told what
	// happened, even after leaving the chat.
	if done, err := d.replay(e); done {
		return err
	}
	if err := chat.Decide(e.Actor, chat.PostMessage, e.Chat, e.Facts.standing()); err != nil {
		return err
	}
	if e.IsReply() && !e.Facts.ReplyIsHere {
		return chat.Invalid("reply_to", "must be a message of the same chat")
	}
	d.number(e)
	return nil
}

// replay answers an entry whose key is known: with the message as it is now or, where
// the first was taken in this batch, with that one's.
func (d *decision) replay(e *Entry) (done bool, err error) {
	if !e.HasKey() {
		return false, nil
	}
	message, hash := e.Facts.Stored, e.Facts.StoredHash
	if !e.Facts.Repeated {
		first, ok := d.keys[e.key()]
		if !ok {
			return false, nil
		}
		message, hash = first.Posted.Message, first.Hash
	}
	if hash != e.Hash {
		return true, chat.ErrIdempotencyMismatch
	}
	e.Posted = chat.Posted{Message: message, Replayed: true}
	return true, nil
}

// number gives an entry the next position and its chat's next seq.
func (d *decision) number(e *Entry) {
	place := d.places[e.Chat]
	if place == nil {
		place = &Place{Seq: e.Facts.Seq}
		d.places[e.Chat] = place
	}
	d.tx.Pos++
	place.Seq++
	place.Head = d.tx.Pos
	e.Posted.Message = chat.Message{
		ID: d.tx.Pos, Seq: place.Seq, Chat: e.Chat, Author: e.Actor.Username, Text: e.Text,
		CreatedAt: d.now, ReplyTo: e.ReplyTo, ClientID: e.ClientID,
	}
	e.Posted.Encoded = &e.encoded
	d.taken = append(d.taken, e)
	if e.HasKey() {
		if d.keys == nil {
			d.keys = make(map[key]*Entry)
		}
		d.keys[e.key()] = e
	}
}
