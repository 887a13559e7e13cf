package stream

import "parley/chat"

// Limits bound how many streams an instance holds, pages that are waited for
// included. A bound of 0 is none.
type Limits struct {
	// Total is how many there are altogether, and PerAddress from one address. They
	// protect the instance itself, and an address is nobody that a database has to know.
	Total, PerAddress int
	// PerUser is how many there are of one user, over all instances where there is a
	// [Lease].
	PerUser int
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
	case over(len(r.users[s.Actor.Username])+r.elsewhere[s.Actor.Username], r.limits.PerUser):
		return chat.TooManyStreams("You have too many streams open; close some, or follow all chats on one.")
	case s.Address != "" && over(r.addresses[s.Address], r.limits.PerAddress):
		return chat.TooManyStreams("Too many streams are open from your address; close some.")
	}
	return nil
}

// untold is up to how many streams of one user an instance keeps to itself, so that what
// instances tell each other is nearly nothing: few users have more. An instance admits a
// user by its own count and the others' as told, so of n instances each of the others may
// hide so many from it. A user can therefore have PerUser + (n-1) * untold streams, 6 % of
// the limit more for each instance, and besides them those that opened before the instances
// heard of one another, within some two rounds. Limits below 16 are kept exactly.
func (l Limits) untold() int { return l.PerUser / 16 }

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
