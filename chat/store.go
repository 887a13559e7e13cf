package chat

import "context"

// Every method below answers ErrSessionEnded for an actor whose session is over
// or whose user is disabled, ErrUnavailable within 3 s where the store does not
// answer, and the context's error where that ends first. All may be called by
// many goroutines at once. What is asked has passed its own Check.

// Chats keeps chats and their members.
type Chats interface {
	// CreateChat makes a chat whose owner is the actor. ErrChatExists, ErrTooManyChats.
	CreateChat(ctx context.Context, actor Actor, n NewChat) (Chat, error)
	// MemberChats lists the chats that the actor is in, by id.
	MemberChats(ctx context.Context, actor Actor, q ListQuery) (Page[Chat], error)
	// PublicChats lists the public chats, by id.
	PublicChats(ctx context.Context, actor Actor, q ListQuery) (Page[Chat], error)
	// Chat reads one chat. ErrNotFound, also for a private chat that the actor is
	// not in.
	Chat(ctx context.Context, actor Actor, chatID string) (Chat, error)
	// UpdateChat changes a chat. ErrNotFound, ErrNotAMember, ErrForbidden. A
	// change that changes nothing writes no event.
	UpdateChat(ctx context.Context, actor Actor, chatID string, change ChatChange) (Chat, error)
	// DeleteChat ends a chat for everybody. Its content is erased shortly behind.
	// ErrNotFound, ErrNotAMember, ErrForbidden.
	DeleteChat(ctx context.Context, actor Actor, chatID string) error

	// Members lists a chat's members, by username. ErrNotFound, ErrNotAMember.
	Members(ctx context.Context, actor Actor, chatID string, q ListQuery) (Page[Member], error)
	// PutMember makes a user a member or changes the member's role. Without a role a
	// new member is RoleMember and an old one stays what it is; what changes nothing
	// writes no event. ErrNotFound, also for a user that does not exist or is
	// disabled; ErrNotAMember, ErrForbidden, ErrLastOwner, ErrTooManyChats.
	PutMember(ctx context.Context, actor Actor, chatID, username string, role Role) (Member, error)
	// RemoveMember ends a membership: one's own, or another's. ErrNotFound, also
	// where there is no such member; ErrNotAMember, ErrForbidden, ErrLastOwner.
	RemoveMember(ctx context.Context, actor Actor, chatID, username string) error
}

// Messages keeps what was said.
type Messages interface {
	// Post stores a message. When it returns without an error the message is
	// committed durably and every stream of its chat will show it. ErrNotFound,
	// ErrNotAMember, ErrIdempotencyMismatch, ErrInvalid (reply_to).
	Post(ctx context.Context, actor Actor, p Post) (Posted, error)
	// Message reads one message. ErrNotFound, ErrNotAMember.
	Message(ctx context.Context, actor Actor, id int64) (Message, error)
	// EditMessage replaces the text of one's own message. What changes nothing writes no
	// event. ErrNotFound, ErrNotAMember, ErrForbidden, ErrDeleted,
	// ErrPreconditionFailed.
	EditMessage(ctx context.Context, actor Actor, id int64, text string, p Precondition) (Message, error)
	// DeleteMessage erases the text of a message: one's own, or any as the chat's admin. A
	// message that is deleted already stays as it is. ErrNotFound, ErrNotAMember,
	// ErrForbidden, ErrPreconditionFailed.
	DeleteMessage(ctx context.Context, actor Actor, id int64, p Precondition) error
	// React adds a reaction of the actor to a message, or takes it back. emoji is one. What
	// changes nothing writes no event. ErrNotFound, ErrNotAMember, ErrDeleted,
	// ErrTooManyReactions.
	React(ctx context.Context, actor Actor, id int64, emoji string, on bool) (Message, error)
	// Replies reads a part of the replies to a message, oldest first. ErrNotFound,
	// ErrNotAMember.
	Replies(ctx context.Context, actor Actor, id int64, q HistoryQuery) (History, error)
	// History reads a part of a chat's messages. ErrNotFound, ErrNotAMember.
	History(ctx context.Context, actor Actor, chatID string, q HistoryQuery) (History, error)
}

// Signals decides what is signalled, and keeps read markers.
type Signals interface {
	// AdmitTyping says whether the actor may be typing in a chat, and where the log's head
	// was then. It writes nothing. ErrNotFound, ErrNotAMember, ErrReadOnly.
	AdmitTyping(ctx context.Context, actor Actor, chatID string) (head int64, err error)
	// MarkRead moves the actor's read marker to a message, unless it is there or beyond.
	// ErrNotFound, ErrNotAMember, ErrInvalid (id) for no message of the chat.
	MarkRead(ctx context.Context, actor Actor, chatID string, id int64) (Marked, error)
	// Markers lists the read markers of a chat's members, by username. ErrNotFound,
	// ErrNotAMember.
	Markers(ctx context.Context, actor Actor, chatID string, q ListQuery) (Page[Marker], error)
	// Present lists a chat's members that are present, by username: those among here, and
	// those that other instances have told of. here is called once, when the actor may know, and
	// while no connection to the store is held. ErrNotFound, ErrNotAMember.
	Present(ctx context.Context, actor Actor, chatID string, here func() []string, q ListQuery) (Page[string], error)
}
