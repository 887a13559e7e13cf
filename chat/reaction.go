package chat

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
)

const (
	// MaxReactions is how many different emojis a message may have.
	MaxReactions = 20
	// MaxReactionUsers is how many of the users of an emoji are named.
	MaxReactionUsers = 10
)

// Reaction is an emoji of a message.
type Reaction struct {
	Emoji string `json:"-"`
	// Count is how many users reacted with it, and Users the first of them.
	Count int      `json:"count"`
	Users []string `json:"users"`
	// Mine says that the reader is among them. It is set in answers alone: a frame is the
	// same for everybody.
	Mine bool `json:"mine,omitzero"`
}

// NamesAll says that each of the users is named.
func (r *Reaction) NamesAll() bool { return len(r.Users) == r.Count }

// Reactions are those of a message, in the order in which their emojis first came. Their
// JSON is an object with a member for each emoji.
type Reactions []Reaction

// MarshalJSON implements [json.Marshaler].
func (rs Reactions) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, r := range rs {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(r.Emoji)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(r)
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// UnmarshalJSON implements [json.Unmarshaler]. It keeps the order of the members.
func (rs *Reactions) UnmarshalJSON(data []byte) error {
	*rs = nil
	d := json.NewDecoder(bytes.NewReader(data))
	switch first, err := d.Token(); {
	case err != nil:
		return err
	case first == nil: // null
		return nil
	case first != json.Delim('{'):
		return errors.New("reactions are no object")
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		r := Reaction{Emoji: name.(string)} // a member's name is a string
		if err := d.Decode(&r); err != nil {
			return err
		}
		*rs = append(*rs, r)
	}
	return nil
}

// Of finds the reaction with an emoji; -1 is none.
func (rs Reactions) Of(emoji string) int {
	return slices.IndexFunc(rs, func(r Reaction) bool { return r.Emoji == emoji })
}

// Own are the emojis with which a user has reacted. all says whether these are all: of an
// emoji with more than [MaxReactionUsers] not every user is named.
func (rs Reactions) Own(username string) (own []string, all bool) {
	all = true
	for _, r := range rs {
		switch {
		case slices.Contains(r.Users, username):
			own = append(own, r.Emoji)
		case !r.NamesAll():
			all = false
		}
	}
	return own, all
}

// With are the reactions behind one more of a user, who has not reacted with the emoji yet.
// What rs holds stays as it is. [ErrTooManyReactions].
func (rs Reactions) With(emoji, username string) (Reactions, error) {
	i := rs.Of(emoji)
	if i < 0 {
		if len(rs) >= MaxReactions {
			return nil, ErrTooManyReactions
		}
		return append(slices.Clone(rs), Reaction{Emoji: emoji, Count: 1, Users: []string{username}}), nil
	}
	rs = slices.Clone(rs)
	r := &rs[i]
	r.Count++
	if len(r.Users) < MaxReactionUsers {
		r.Users = append(slices.Clone(r.Users), username)
	}
	return rs, nil
}

// Without are the reactions behind one less, whose emoji is among them. first are the first
// users who are left. What rs holds stays as it is.
func (rs Reactions) Without(emoji string, first []string) Reactions {
	i := rs.Of(emoji)
	rs = slices.Clone(rs)
	if rs[i].Count--; rs[i].Count <= 0 {
		if rs = slices.Delete(rs, i, i+1); len(rs) == 0 {
			return nil
		}
		return rs
	}
	rs[i].Users = slices.Clone(first[:min(len(first), MaxReactionUsers)])
	return rs
}

// For are the reactions as the user is answered them who reacted with some emojis. What rs
// holds stays as it is.
func (rs Reactions) For(own []string) Reactions {
	if len(own) == 0 {
		return rs
	}
	rs = slices.Clone(rs)
	for i := range rs {
		rs[i].Mine = slices.Contains(own, rs[i].Emoji)
	}
	return rs
}
