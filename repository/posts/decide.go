package posts

import (
	"parley/chat"
	"parley/repository/commitlog"
)

// decision is a batch as it is decided, in order: what the entries before leave for
// those behind them.
type decision struct {
	tx   *commitlog.Tx
	now  chat.Time
	keys map[key]*Entry
	// stored is what the entries store, to which what changes leads to is added in the end.
	stored Stored
	// changes are what entries change of messages that are there; nil as long as none does.
	changes *changes
}

func newDecision(tx *commitlog.Tx, entries int) *decision {
	return &decision{
		tx: tx, now: chat.NewTime(tx.Began),
		stored: Stored{Places: make(map[string]*Place), Messages: make([]*Entry, 0, entries)},
	}
}

// take decides one entry and numbers it if nothing speaks against it.
func (d *decision) take(e *Entry) error {
	e.Posted, e.Pos, e.Seq = chat.Posted{}, 0, 0
	if e.IsChange() {
		return d.change(e)
	}
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

// place gives an entry the next position and its chat's next seq.
func (d *decision) place(e *Entry) *Place {
	p := d.stored.Places[e.Chat]
	if p == nil {
		p = &Place{Seq: e.Facts.Seq}
		d.stored.Places[e.Chat] = p
	}
	d.tx.Pos++
	p.Seq++
	p.Head = d.tx.Pos
	e.Pos, e.Seq = p.Head, p.Seq
	return p
}

// number places a message, whose id is its position.
func (d *decision) number(e *Entry) {
	p := d.place(e)
	p.Messages++
	p.LastMessage = e.Pos
	d.stored.Messages = append(d.stored.Messages, e)
	e.Posted.Message = chat.Message{
		ID: e.Pos, Seq: e.Seq, Chat: e.Chat, Author: e.Actor.Username, Text: e.Text,
		CreatedAt: d.now, ReplyTo: e.ReplyTo, ClientID: e.ClientID,
	}
	e.Posted.Encoded = &e.encoded
	if e.HasKey() {
		if d.keys == nil {
			d.keys = make(map[key]*Entry)
		}
		d.keys[e.key()] = e
	}
}

// outcome is what the batch stores; nil is nothing.
func (d *decision) outcome() *Stored {
	if len(d.stored.Places) == 0 {
		return nil
	}
	if d.changes != nil {
		d.changes.store(&d.stored)
	}
	return &d.stored
}
