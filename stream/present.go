package stream

// Who is present in a chat is counted while streams come and go, so that neither the list nor the
// question whether many are looks at the chat's readers, or at departures from other chats.

// appear has the room count a subscription that makes its user present. The broker's mutex is
// held.
func (sub *subscription) appear() {
	ro, rd := sub.room, sub.reader
	if sub.present || !rd.present || ro.key.chat == "" {
		return
	}
	sub.present = true
	if ro.present == nil {
		ro.present = make(map[string]int)
	}
	ro.present[rd.credential.user]++
}

// disappear ends that. The broker's mutex is held.
func (sub *subscription) disappear() {
	if !sub.present {
		return
	}
	sub.present = false
	users, user := sub.room.present, sub.reader.credential.user
	if users[user]--; users[user] == 0 {
		delete(users, user)
	}
}

// linger has a user who went stay present in the chats of the departure, until it is no longer
// the whereabouts' last. The broker's mutex is held, and left to others after each slice of chats.
func (b *Broker) linger(d *departure) {
	b.gone[d.Whereabouts] = d
	for i, chatID := range d.chats {
		departures := b.lingering[chatID]
		if departures == nil {
			departures = make(map[*departure]struct{})
			b.lingering[chatID] = departures
		}
		departures[d] = struct{}{}
		b.yieldAfter(i)
		if b.gone[d.Whereabouts] != d { // endLingering was called meanwhile
			return
		}
	}
}

// endLingering ends that for a departure that is among the gone no more. The broker's mutex is
// held, and left to others after each slice of chats.
func (b *Broker) endLingering(d *departure) {
	for i, chatID := range d.chats {
		departures := b.lingering[chatID]
		if delete(departures, d); len(departures) == 0 {
			delete(b.lingering, chatID)
		}
		b.yieldAfter(i)
	}
}

// presentIn counts, for each user that has a stream on a chat, what makes the user present there.
// It is the room's own. The broker's mutex is held.
func (b *Broker) presentIn(chatID string) map[string]int {
	if ro := b.memory.rooms[roomKey{chat: chatID}]; ro != nil {
		return ro.present
	}
	return nil
}

// Present lists the users that are present in a chat at this instance, in no order.
func (b *Broker) Present(chatID string) []string {
	users, here := b.listPresent(chatID)
	// A user may have left the chat's own stream and one over all chats.
	return append(users[:here], distinct(users[here:])...)
}

// listPresent lists the users that have a stream on a chat, which are the first, and of the others
// those that had one lately.
func (b *Broker) listPresent(chatID string) (users []string, here int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	present, departures := b.presentIn(chatID), b.lingering[chatID]
	users = make([]string, 0, len(present)+len(departures))
	for user := range present {
		users = append(users, user)
	}
	here = len(users)
	for d := range departures {
		if present[d.Username] == 0 {
			users = append(users, d.Username)
		}
	}
	return users, here
}

// isCrowded says whether more than [maxPresent] users are present in a chat, of whom so many
// are elsewhere. The broker's mutex is held.
func (b *Broker) isCrowded(chatID string, elsewhere int) bool {
	return elsewhere+len(b.presentIn(chatID)) > maxPresent
}
