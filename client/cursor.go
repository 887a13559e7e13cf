package client

import "strconv"

// Cursor is a place in the log: where a sequence of events begins. It is a text
// so that it can be kept anywhere; keep [Event.Cursor] of the last event that was
// dealt with to go on exactly behind it, on any instance and after any restart.
// The empty Cursor is [Now].
type Cursor string

const (
	// Now begins with what happens after the stream is open.
	Now Cursor = "now"
	// Earliest begins with the oldest event that is kept.
	Earliest Cursor = "earliest"
)

// After is the place behind the position pos: an event's or a message's ID, or
// the Cursor of a [chat.History].
func After(pos int64) Cursor { return Cursor(strconv.FormatInt(pos, 10)) }
