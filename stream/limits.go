package stream

import "parley/chat"

// Limits bound how many streams an instance holds, pages that are waited for
// included. A bound of 0 is none.
type Limits struct {
	// Total is how many there are altogether, PerUser of one user, and PerAddress
	// from one address.
	Total, PerUser, PerAddress int
}

// refuses says why one stream more is too many, if it is. The broker's mutex is
// held.
func (l Limits) refuses(b *Broker, s *Start) error {
	over := func(open, limit int) bool { return limit > 0 && open >= limit }
	switch {
	case over(b.streams, l.Total):
		return chat.ErrTooManyStreams
	case over(len(b.users[s.Actor.Username]), l.PerUser):
		return chat.TooManyStreams("You have too many streams open; close some, or follow all chats on one.")
	case s.Address != "" && over(b.addresses[s.Address], l.PerAddress):
		return chat.TooManyStreams("Too many streams are open from your address; close some.")
	}
	return nil
}

// count counts a stream that opened, by 1, or ended, by -1. The broker's mutex is
// held.
func (b *Broker) count(s *Start, by int) {
	b.streams += by
	b.metrics.open.Add(float64(by))
	if s.Address == "" {
		return
	}
	if b.addresses[s.Address] += by; b.addresses[s.Address] == 0 {
		delete(b.addresses, s.Address)
	}
}
