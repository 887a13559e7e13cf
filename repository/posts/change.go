package posts

import (
	"slices"

	"parley/chat"
)

// Change is what an entry does to a message that is there.
type Change struct {
	// Kind is [chat.KindMessageEdited], [chat.KindMessageDeleted] or [chat.KindReaction].
	Kind chat.Kind
	// ID is the message's, and Author its author, who never changes.
	ID     int64
	Author string
	// If is which versions of the message are let change.
	If chat.Precondition
	// Emoji is that of a reaction, and On says that it comes rather than goes.
	Emoji string
	On    bool
	// Found is the message as it was before the batch.
	Found Found
	// recalled says that Found is remembered and need not be read.
	recalled bool
}

// Found is a message as the database has it, and what is needed besides to change it.
type Found struct {
	chat.Message
	// Own are the emojis with which the actor has reacted to the message.
	Own []string
	// First are the first users of the change's emoji, in order: [FirstUsers] of them, if a
	// reaction goes.
	First []string
}

// action is what the actor asks for.
func (e *Entry) action() chat.Action {
	switch c := e.Change; {
	case c == nil:
		return chat.PostMessage
	case c.Kind == chat.KindReaction:
		return chat.React
	case e.Actor.Kind == chat.Operator:
		return chat.EraseMessages
	case c.Kind == chat.KindMessageEdited:
		return chat.EditMessage
	case c.Author == e.Actor.Username:
		return chat.DeleteOwnMessage
	default:
		return chat.DeleteMessage
	}
}

// mayBeCached says that what is asked needs no more than to post does, which is what the
// cache remembers.
func (e *Entry) mayBeCached() bool {
	a := e.action()
	return a != chat.DeleteMessage && a != chat.EraseMessages
}

// IsChange says that the entry changes a message that is there.
func (e *Entry) IsChange() bool { return e.Change != nil }

// AsksChanged says that the message has to be read that the entry changes.
func (e *Entry) AsksChanged() bool { return e.IsChange() && !e.Change.recalled }

// FirstUsers is how many of the first users of an emoji have to be known where some of the
// entries take reactions back: those that are shown, and those that may move up.
func FirstUsers(entries []*Entry) int {
	going := 0
	for _, e := range entries {
		if e.takesBack() {
			going++
		}
	}
	return chat.MaxReactionUsers + going
}

func (e *Entry) takesBack() bool {
	return e.IsChange() && e.Change.Kind == chat.KindReaction && !e.Change.On
}

// NeedsFirst is the emoji whose first users have to be known; empty is none.
func (e *Entry) NeedsFirst() string {
	if e.takesBack() {
		return e.Change.Emoji
	}
	return ""
}

// state is a message behind the entries of a batch that were decided.
type state struct {
	chat.Message
	// own are the emojis of each user that the batch knows of.
	own map[string][]string
	// first are the first users of each emoji of which reactions go, and added the users who
	// came in this batch.
	first, added map[string][]string
	// dirty says that it has to be stored.
	dirty bool
}

// changes are what a batch changes of messages that are there.
type changes struct {
	states map[int64]*state
	// came are the reactions that came, each by the entry that brought it last, and went those
	// that went. What went and came again is in both.
	came map[ReactionKey]*Entry
	went map[ReactionKey]struct{}
	// bared are the messages that have lost all reactions.
	bared []int64
}

// store adds the rows to what a batch stores.
func (c *changes) store(s *Stored) {
	s.Bared = c.bared
	for _, st := range c.states {
		if st.dirty {
			s.Changed = append(s.Changed, &st.Message)
		}
	}
	for key := range c.went {
		s.Went = append(s.Went, key)
	}
	for key, e := range c.came {
		s.Came = append(s.Came, Came{key, e.Pos})
	}
}

// ReactionKey is what tells reactions apart.
type ReactionKey struct {
	ID              int64
	Username, Emoji string
}

// state is the message of an entry as the entries before it leave it; nil if there is none.
func (d *decision) state(e *Entry) *state {
	f := &e.Change.Found
	if f.ID == 0 {
		return nil
	}
	if d.changes == nil {
		d.changes = &changes{
			states: make(map[int64]*state),
			came:   make(map[ReactionKey]*Entry), went: make(map[ReactionKey]struct{}),
		}
	}
	s := d.changes.states[f.ID]
	if s == nil {
		s = &state{
			Message: f.Message,
			own:     make(map[string][]string), first: make(map[string][]string), added: make(map[string][]string),
		}
		d.changes.states[f.ID] = s
	}
	if _, known := s.own[e.Actor.Username]; !known {
		s.own[e.Actor.Username] = f.Own
	}
	if emoji := e.NeedsFirst(); emoji != "" {
		if _, known := s.first[emoji]; !known {
			s.first[emoji] = slices.Concat(f.First, s.added[emoji])
		}
	}
	return s
}

// change decides an entry that changes a message, and places it in the log unless it changes
// nothing.
func (d *decision) change(e *Entry) error {
	if e.Facts.Live && !e.Facts.Exists { // whatever memberships are left of a chat that was deleted
		return chat.ErrNotFound
	}
	if err := chat.Decide(e.Actor, e.action(), e.Chat, e.Facts.standing()); err != nil {
		return err
	}
	s := d.state(e)
	switch c := e.Change; {
	case !e.Facts.Exists, s == nil:
		return chat.ErrNotFound
	case c.Kind == chat.KindMessageEdited && c.Author != e.Actor.Username:
		return chat.ErrForbidden
	case !c.If.Holds(s.Version()):
		return chat.ErrPreconditionFailed
	case s.Deleted && c.Kind != chat.KindMessageDeleted:
		return chat.ErrDeleted
	}
	changed, err := d.alter(s, e)
	if err != nil {
		return err
	}
	if changed {
		d.place(e)
		d.stored.Changes = append(d.stored.Changes, e)
		s.Changed, s.dirty = e.Pos, true
	}
	// What follows in the batch alters the state, not what is told of this entry.
	e.Told, e.Posted.Message = s.Message, s.Message
	e.Posted.Message.Reactions = s.Reactions.For(s.own[e.Actor.Username])
	return nil
}

// alter does to the message what the entry asks, and says whether that changed anything.
func (d *decision) alter(s *state, e *Entry) (changed bool, err error) {
	switch c := e.Change; {
	case c.Kind == chat.KindReaction:
		return d.react(s, e)
	case c.Kind == chat.KindMessageEdited && s.Text != e.Text:
		s.Text, s.EditedAt = e.Text, d.now
		return true, nil
	case c.Kind == chat.KindMessageDeleted && !s.Deleted:
		if s.Reactions != nil {
			d.changes.bared = append(d.changes.bared, s.ID)
		}
		s.Text, s.EditedAt, s.Deleted, s.Reactions = "", chat.Time{}, true, nil
		return true, nil
	}
	return false, nil
}

// react adds a reaction to the message, or takes it back.
func (d *decision) react(s *state, e *Entry) (changed bool, err error) {
	c, username := e.Change, e.Actor.Username
	own := s.own[username]
	if slices.Contains(own, c.Emoji) == c.On {
		return false, nil
	}
	key := ReactionKey{s.ID, username, c.Emoji}
	if !c.On {
		s.own[username] = without(own, c.Emoji)
		s.first[c.Emoji] = without(s.first[c.Emoji], username)
		s.added[c.Emoji] = without(s.added[c.Emoji], username)
		s.Reactions = s.Reactions.Without(c.Emoji, s.first[c.Emoji])
		delete(d.changes.came, key)
		d.changes.went[key] = struct{}{}
		return true, nil
	}
	with, err := s.Reactions.With(c.Emoji, username)
	if err != nil {
		return false, err
	}
	s.Reactions = with
	s.own[username] = append(slices.Clone(own), c.Emoji)
	s.added[c.Emoji] = append(s.added[c.Emoji], username)
	if first, known := s.first[c.Emoji]; known {
		s.first[c.Emoji] = append(first, username)
	}
	d.changes.came[key] = e
	return true, nil
}

func without(list []string, one string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == one })
}
