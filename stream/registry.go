package stream

// registry knows the readers of an instance, by user and by address, and how many
// there may be. The broker's mutex guards it.
type registry struct {
	limits Limits
	users  map[string]map[*reader]struct{}
	// streams is how many there are; addresses counts them by where they are;
	// subscriptions counts those of all, and those that openings are about to take.
	streams       int
	addresses     map[string]int
	subscriptions int
	// arriving are the readers that opened at a head that the tail has yet to reach.
	arriving map[*reader]struct{}
	drained  bool
	// changed are the users of whom other instances are to be told; nil where nobody is
	// told. elsewhere is how many streams those instances hold, by user.
	changed   map[string]struct{}
	elsewhere map[string]int
}

func newRegistry(l Limits) registry {
	return registry{
		limits:    l,
		users:     make(map[string]map[*reader]struct{}),
		addresses: make(map[string]int),
		arriving:  make(map[*reader]struct{}),
	}
}

// register makes a reader known.
func (r *registry) register(rd *reader) {
	r.count(rd.start, 1)
	user := rd.credential.user
	if r.users[user] == nil {
		r.users[user] = make(map[*reader]struct{})
	}
	r.users[user][rd] = struct{}{}
	r.noteStreams(user)
}

// forget removes a reader.
func (r *registry) forget(rd *reader) {
	delete(r.arriving, rd)
	user := rd.credential.user
	r.noteStreams(user)
	delete(r.users[user], rd)
	if len(r.users[user]) == 0 {
		delete(r.users, user)
	}
	r.count(rd.start, -1)
}

// noteStreams notes that a user's streams, with the one that opened or ends, are enough to be
// told of.
func (r *registry) noteStreams(user string) {
	if r.changed != nil && len(r.users[user]) > r.limits.untold() {
		r.changed[user] = struct{}{}
	}
}

// count counts a stream that opened, by 1, or ended, by -1.
func (r *registry) count(s *Start, by int) {
	r.streams += by
	if s.Address == "" {
		return
	}
	if r.addresses[s.Address] += by; r.addresses[s.Address] == 0 {
		delete(r.addresses, s.Address)
	}
}

// awaitTail says whether the tail has yet to reach the head at which the reader opened, and has it
// woken then. Until then it is shown nothing: its client may have been told by another instance
// of edits and deletions up to there. The broker's mutex is held.
func (b *Broker) awaitTail(rd *reader) bool {
	if rd.opened <= b.applied {
		return false
	}
	b.arriving[rd] = struct{}{}
	return true
}

// arrived removes and returns the readers whose head at opening the tail has reached.
func (r *registry) arrived(applied int64) []*reader {
	var arrived []*reader
	for rd := range r.arriving {
		if rd.opened <= applied {
			delete(r.arriving, rd)
			arrived = append(arrived, rd)
		}
	}
	return arrived
}
