package chat

// Kind is what an [Event] tells of. The kinds of a chat's events are also the
// names of their frames on a stream.
type Kind string

const (
	KindMessage        Kind = "message"
	KindMessageEdited  Kind = "message.edited"
	KindMessageDeleted Kind = "message.deleted"
	// KindReaction says that a user's reaction to a message came or went.
	KindReaction      Kind = "reaction"
	KindChatUpdated   Kind = "chat.updated"
	KindChatDeleted   Kind = "chat.deleted"
	KindMemberJoined  Kind = "member.joined"
	KindMemberUpdated Kind = "member.updated"
	KindMemberLeft    Kind = "member.left"

	// The kinds below belong to no chat: they carry no Seq and are shown to
	// nobody. The first two stand in the log so that a right ends at a position, on
	// every stream of every instance.

	KindSessionEnded Kind = "session.ended"
	KindUserDisabled Kind = "user.disabled"

	// KindJump says that the positions before it, down to [Event.Before], are left out.

	KindJump Kind = "jump"
)

// On a stream over all chats the user's own joins and leaves have these names
// instead of member.joined and member.left: one row of the log is one frame.
const (
	NameChatJoined = "chat.joined"
	NameChatLeft   = "chat.left"
)

// Event is a row of the log: something durable that happened. Its Kind decides
// which fields are set.
type Event struct {
	// Pos counts the events of the whole service 1, 2, 3 … in commit order. Only a jump
	// leaves positions out.
	Pos  int64
	Kind Kind
	// Chat is empty for the kinds that belong to no chat.
	Chat string
	// Seq counts the events of Chat 1, 2, 3 …
	Seq int64

	// Message is the message that the event is about (KindMessage, KindMessageEdited,
	// KindMessageDeleted, KindReaction), as it is now; its own Seq is that of its first
	// event.
	Message *Message
	// Encoded is the JSON of [Event.Data], if it is shared; it may be nil.
	Encoded *Encoded
	// Origin is the [Post.Origin] of the message.
	Origin string

	// Username is the member (member.*), the owner of the session that ended, or
	// the user that was disabled.
	Username string
	// Role is the member's role after the event, or the last one of a member that
	// left.
	Role Role

	// Title and Visibility are the chat's after the event (chat.updated).
	Title      string
	Visibility Visibility

	// Session is the one that ended (session.ended).
	Session string

	// Before is [Jump.Before] (jump).
	Before int64
}

// IsOfMessage says of a kind that its events carry the message that they are about.
func (k Kind) IsOfMessage() bool {
	switch k {
	case KindMessage, KindMessageEdited, KindMessageDeleted, KindReaction:
		return true
	}
	return false
}

// EndsNoRight says of a kind that nobody may do less behind it than before.
func (k Kind) EndsNoRight() bool {
	return k.IsOfMessage() || k == KindMemberJoined
}

// ReplacesText says of a kind that what was said before it is not to be shown any more.
func (k Kind) ReplacesText() bool { return k == KindMessageEdited || k == KindMessageDeleted }

// Data is the value that is the event's JSON on a stream: a [Message], a
// [ChatUpdate], a [MemberChange], or a [ChatRef].
func (e Event) Data() any {
	switch e.Kind {
	case KindMessage, KindMessageEdited, KindMessageDeleted, KindReaction:
		m := *e.Message
		m.Seq = e.Seq
		return m
	case KindChatUpdated:
		return ChatUpdate{Seq: e.Seq, Chat: e.Chat, Title: e.Title, Visibility: e.Visibility}
	case KindMemberJoined, KindMemberUpdated, KindMemberLeft:
		return MemberChange{Seq: e.Seq, Chat: e.Chat, Username: e.Username, Role: e.Role}
	default:
		return ChatRef{Seq: e.Seq, Chat: e.Chat}
	}
}

// ChatUpdate is the data of a chat.updated event.
type ChatUpdate struct {
	Seq        int64      `json:"seq"`
	Chat       string     `json:"chat"`
	Title      string     `json:"title"`
	Visibility Visibility `json:"visibility"`
}

// MemberChange is the data of a member.joined, member.updated or member.left
// event.
type MemberChange struct {
	Seq      int64  `json:"seq"`
	Chat     string `json:"chat"`
	Username string `json:"username"`
	Role     Role   `json:"role"`
}

// ChatRef is the data of an event that only names its chat: chat.deleted, and
// chat.joined and chat.left on a stream over all chats.
type ChatRef struct {
	Seq  int64  `json:"seq"`
	Chat string `json:"chat"`
}
