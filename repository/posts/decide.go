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

	// states are the messages that entries change, reactions the rows that they change, and
	// bared the messages that have lost all reactions.
	states    map[int64]*state
	reactions reactions
	bared     []int64
}

func newDecision(tx *commitlog.Tx, entries int) *decision {
	return &decision{
		tx: tx, now: chat.NewTime(tx.Began), places: make(map[string]*Place), taken: make([]*Entry, 0, entries),
		states:    make(map[int64]*state),
		reactions: reactions{make(map[ReactionKey]*Entry), make(map[ReactionKey]struct{})},
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
	p := d.places[e.Chat]
	if p == nil {
		p = &Place{Seq: e.Facts.Seq}
		d.places[e.Chat] = p
	}
	d.tx.Pos++
	p.Seq++
	p.Head = d.tx.Pos
	e.Pos, e.Seq = p.Head, p.Seq
	d.taken = append(d.taken, e)
	return p
}

// number places a message, whose id is its position.
func (d *decision) number(e *Entry) {
	p := d.place(e)
	p.Messages++
	p.LastMessage = e.Pos
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

// outcome is what the batch stores.
func (d *decision) outcome() *Stored {
	s := &Stored{Places: d.places, Bared: d.bared}
	for _, e := range d.taken {
		if e.IsChange() {
			s.Changes = append(s.Changes, e)
		} else {
			s.Messages = append(s.Messages, e)
		}
	}
	for _, st := range d.states {
		if st.dirty {
			s.Changed = append(s.Changed, &st.Message)
		}
	}
	for key := range d.reactions.went {
		s.Went = append(s.Went, key)
	}
	for key, e := range d.reactions.came {
		s.Came = append(s.Came, Came{key, e.Pos})
	}
	return s
}
