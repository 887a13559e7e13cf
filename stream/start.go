package stream

import (
	"slices"
	"time"

	"parley/chat"
)

// Start says what a stream follows, for whom, from where, and for how long.
type Start struct {
	Actor chat.Actor
	// Chat is the chat to follow; empty follows all chats of the actor.
	Chat string

	// LastEventID is the header of that name, empty where there was none. It comes
	// before After.
	LastEventID string
	// After is a position, "now" or "earliest"; empty is "now".
	After string

	// Framing is how the frames are put on the wire.
	Framing Framing

	// Limit ends the stream after so many durable events; 0 does not.
	Limit int64
	// Timeout ends the stream after this time; 0 does not.
	Timeout time.Duration
	// Origin leaves out the actor's own messages that were posted with it; empty
	// leaves out none.
	Origin string

	// Address is where the client is, for [Limits]; empty counts nowhere.
	Address string
	// RequestID stands in the line that is logged when the stream ends.
	RequestID string
}

// The reasons of a reset: why a client's place is gone.
const (
	resetAhead     = "ahead"
	resetMalformed = "malformed"
)

// resetName is the event that says so, resetData its data: why, and where the
// stream begins instead.
const resetName = "reset"

type resetData struct {
	Reason string `json:"reason"`
	Cursor int64  `json:"cursor"`
}

// place finds where a stream begins, given its opening. Where the client's place is
// gone, it begins at the head and reset says why.
func (s *Start) place(o chat.Opening) (cursor int64, reset string) {
	switch {
	case s.LastEventID != "":
		return parsePlace(s.LastEventID, o)
	case s.After == "" || s.After == "now":
		return o.Head, ""
	case s.After == "earliest":
		return 0, ""
	default:
		return parsePlace(s.After, o)
	}
}

// parsePlace reads a cursor. What lies ahead of the head is no place of this log's, nor is
// what lies ahead of the head as it was when the log jumped.
func parsePlace(s string, o chat.Opening) (cursor int64, reset string) {
	pos, ok := chat.ParsePosition(s)
	lost := func(j chat.Jump) bool { return j.Lost(pos) }
	switch {
	case !ok:
		return o.Head, resetMalformed
	case pos > o.Head || slices.ContainsFunc(o.Jumps, lost):
		return o.Head, resetAhead
	}
	return pos, ""
}
