package chat

// Opening is what a stream begins with, read in one snapshot of the store.
type Opening struct {
	// Head is the position of the log's newest event.
	Head int64
	// Chats are the ids of the chats that the stream follows.
	Chats []string
}
