package chat

// SignalKind is what a signal tells of, and the name of its frames on a stream. A signal is
// live only: it is not stored, has no position and may be dropped.
type SignalKind string

const (
	// SignalTyping says that a user is typing in a chat.
	SignalTyping SignalKind = "typing"
	// SignalPresence says that a member of a chat came, or went.
	SignalPresence SignalKind = "presence"
	// SignalRead says that a member's read marker moved.
	SignalRead SignalKind = "read"
)

// Typing is the data of a typing frame.
type Typing struct {
	Chat     string `json:"chat"`
	Username string `json:"username"`
}

// Presence is the data of a presence frame.
type Presence struct {
	Chat     string `json:"chat"`
	Username string `json:"username"`
	Present  bool   `json:"present"`
}

// Read is the data of a read frame.
type Read struct {
	Chat     string `json:"chat"`
	Username string `json:"username"`
	ID       int64  `json:"id"`
}

// Marker is a member's read marker: the message up to which the member has read.
type Marker struct {
	Username string `json:"username"`
	ID       int64  `json:"id"`
}

// Whereabouts are where a user is present: in one chat, or in all of the user's, where Chat is
// empty.
type Whereabouts struct {
	Username string `json:"username" db:"username"`
	Chat     string `json:"chat" db:"chat"`
}

// ErrBadMark refuses a read marker at what is no message of its chat.
var ErrBadMark = Invalid("id", "must be the id of a message of this chat")

// Marked is what a request to move a read marker came to.
type Marked struct {
	// Moved says that the marker moved. It never moves backwards.
	Moved bool
	// Head is the log's head when the request was decided.
	Head int64
}
