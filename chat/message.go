package chat

import "slices"

// Message is a message of a chat.
type Message struct {
	// ID is the position of the message's first event in the log. It grows in
	// commit order over the whole service.
	ID int64 `json:"id"`
	// Seq counts the chat's own events.
	Seq       int64  `json:"seq"`
	Chat      string `json:"chat"`
	Author    string `json:"author"`
	Text      string `json:"text"`
	CreatedAt Time   `json:"created_at"`
	// EditedAt is when the text was last replaced; zero if it never was.
	EditedAt Time `json:"edited_at,omitzero"`
	// Deleted says that the message was deleted. It has no text and no reactions then.
	Deleted bool `json:"deleted,omitzero"`
	// ReplyTo is the id of the message of the same chat that this one answers; 0
	// for none.
	ReplyTo int64 `json:"reply_to,omitzero"`
	// ClientID is the author's own key for the message, by which a repeated
	// request is recognised; empty if the request had none.
	ClientID string `json:"client_id,omitzero"`
	// Reactions are those of all users.
	Reactions Reactions `json:"reactions,omitzero"`
	// Changed is the position of the latest event that changed the message; 0 is none.
	Changed int64 `json:"-"`
}

// Version tells the message as it is now from how it was before and will be: it is the
// position of its latest event.
func (m *Message) Version() int64 { return max(m.ID, m.Changed) }

// Precondition is which versions of a message are let change (RFC 9110 sections 13.1.1 and
// 13.1.2). The zero value lets every one.
type Precondition struct {
	// Versions are those that are let, where Set says that there is a condition.
	Versions []int64
	Set      bool
	// Except are those that are not let, whatever Versions are.
	Except []int64
}

// Holds says whether a version is let change.
func (p Precondition) Holds(version int64) bool {
	return (!p.Set || slices.Contains(p.Versions, version)) && !slices.Contains(p.Except, version)
}

// Post is a message that an actor asks to have stored. Its author is the actor.
type Post struct {
	Chat     string
	Text     string
	ReplyTo  int64
	ClientID string
	// Origin names the tab or device that posts, so that its own stream can leave
	// the message out. It is no part of the message.
	Origin string
}

// Posted is the answer to a [Post].
type Posted struct {
	Message Message
	// Replayed says that Message was stored by an earlier request with the same
	// ClientID and that this request stored nothing.
	Replayed bool
	// Encoded is Message's JSON, shared with the event; nil if Replayed.
	Encoded *Encoded
}

// HistoryQuery asks for a part of a chat's messages: the newest ones, those
// before a message, or those after one. At most one of Before and After is set.
type HistoryQuery struct {
	Before, After *int64
	// Limit is how many messages at the most, 1 to [MaxHistory].
	Limit int
}

// History is a part of a chat's messages in log order.
type History struct {
	Messages []Message `json:"messages"`
	// Cursor is a position such that no message beyond it is in Messages, and
	// that a stream opened after it repeats none of them and, where Messages
	// reaches to the newest, misses nothing.
	Cursor int64 `json:"cursor"`
	// Earlier and Later say that the chat has messages before the first and
	// after the last of Messages.
	Earlier bool `json:"-"`
	Later   bool `json:"-"`
}
