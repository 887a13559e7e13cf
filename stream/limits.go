package stream

import "parley/chat"

// Limits bound how many streams an instance holds, pages that are waited for
// included. A bound of 0 is none.
type Limits struct {
	// Total is how many there are altogether, PerUser of one user, and PerAddress
	// from one address.
	Total, PerUser, PerAddress int
	// Subscriptions is how many chats all of them may follow together, each counted for
	// every stream that follows it. It bounds the memory that streams over all chats
	// take.
	Subscriptions int
}

// refuses says why one stream more is too many, if it is.
func (r *registry) refuses(s *Start) error {
	switch {
	case over(r.streams, r.limits.Total):
		return chat.ErrTooManyStreams
	case over(len(r.users[s.Actor.Username]), r.limits.PerUser):
		return chat.TooManyStreams("You have too many streams open; close some, or follow all chats on one.")
	case s.Address != "" && over(r.addresses[s.Address], r.limits.PerAddress):
		return chat.TooManyStreams("Too many streams are open from your address; close some.")
	}
	return nil
}

// over says whether one more is too many where there are so many.
func over(open, limit int) bool { return limit > 0 && open >= limit }

// claim takes so many subscriptions of those that there may be.
func (r *registry) claim(subscriptions int) error {
	if r.limits.Subscriptions > 0 && r.subscriptions+subscriptions > r.limits.Subscriptions {
		return chat.ErrTooManyStreams
	}
	r.subscriptions += subscriptions
	return nil
}
