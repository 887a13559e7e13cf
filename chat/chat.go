package chat

// Visibility decides which users can see a chat and join it without being added.
type Visibility string

const (
	// Private chats exist for their members alone.
	Private Visibility = "private"
	// Public chats can be seen and joined by every signed-in user.
	Public Visibility = "public"
)

// Role is what a member may do in a chat.
type Role string

const (
	// RoleGuest reads and follows.
	RoleGuest Role = "guest"
	// RoleMember also posts.
	RoleMember Role = "member"
	// RoleAdmin also changes the chat and adds and removes members.
	RoleAdmin Role = "admin"
	// RoleOwner also deletes the chat and makes and unmakes owners. Every chat
	// has at least one.
	RoleOwner Role = "owner"
)

// Chat is a chat as one actor sees it.
type Chat struct {
	ID         string     `json:"id"`
	Title      string     `json:"title"`
	Visibility Visibility `json:"visibility"`
	// Role is the actor's own role. It is nil for a non-member; then Head, Unread
	// and LastMessage are absent too.
	Role *Role `json:"role"`
	// Head is the position of the chat's latest event.
	Head int64 `json:"head,omitzero"`
	// Unread counts the messages of others behind the actor's read marker, or since the
	// actor joined while there is none.
	Unread *int64 `json:"unread,omitzero"`
	// LastMessage points to nil, which is null, while the chat has none; [Chat.Last]
	// is what it comes to.
	LastMessage **Message `json:"last_message,omitzero"`
	CreatedAt   Time      `json:"created_at"`
}

// Last is the chat's newest message; nil while it has none, and to a non-member.
func (c Chat) Last() *Message {
	if c.LastMessage == nil {
		return nil
	}
	return *c.LastMessage
}

// NewChat describes a chat that an actor asks to create.
type NewChat struct {
	// ID is made up by the store if empty.
	ID         string
	Title      string
	Visibility Visibility
}

// ChatChange describes a change of a chat; a nil field stays as it is.
type ChatChange struct {
	Title      *string
	Visibility *Visibility
}

// Member is a user's present membership of a chat.
type Member struct {
	Username    string `json:"username"`
	DisplayName string `json:"display_name"`
	Role        Role   `json:"role"`
	JoinedAt    Time   `json:"joined_at"`
}
