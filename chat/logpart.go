package chat

// LogPart is a part of the log, read in one snapshot of the store.
type LogPart struct {
	// Events are in order. A message stands in each of them as it was in the snapshot.
	Events []Event
	// Through is how far the part reaches.
	Through int64
	// Head is the position of the log's newest event in the snapshot; 0 where there are no
	// events.
	Head int64
}
