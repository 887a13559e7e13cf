package chat

// OpeningRequest asks for what a stream begins with.
type OpeningRequest struct {
	Actor Actor
	// Chat is the chat to follow; empty follows all chats of the actor.
	Chat string
}

// Opening is what a stream begins with, read in one snapshot of the store.
type Opening struct {
	// Head is the position of the log's newest event.
	Head int64
	// Jumps are the log's jumps up to Head, in order. They are shared and do not change.
	Jumps []Jump
	// Chats are the ids of the chats that the stream follows.
	Chats []string
	// Err is why the actor may not follow them: [ErrSessionEnded], [ErrNotFound] or
	// [ErrNotAMember]. Nothing else is set then.
	Err error
}
