package chat

// Jump is a place at which the log left out positions: those between Before and Pos may
// have been handed out in a life of the store that is gone, and tell of nothing in this
// one. The event at Pos is of [KindJump].
type Jump struct{ Before, Pos int64 }

// Lost says that a position is one of those that were left out.
func (j Jump) Lost(pos int64) bool { return j.Before < pos && pos < j.Pos }
