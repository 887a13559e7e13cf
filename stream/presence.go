package stream

import (
	"context"
	"slices"
	"time"

	"parley/chat"
)

// A user is present in a chat while a stream that follows it is open at some instance, and
// for a while behind: a client that reconnects has not gone. An instance knows of its own
// users by their streams, and stores beside its lease where they came and went, for the
// others. What has changed is told in rounds, to the instances and to the chats' readers.
// Readers are told of a change alone that no other stream of the user makes one of none.

const (
	// presenceKept is how long a user stays present behind the end of the stream.
	presenceKept = 8 * time.Second
	// maxMoves is how many comings and goings one round tells of.
	maxMoves = 500
	// maxPresent is in how large a company comings and goings are still told to readers.
	maxPresent = 200
)

// presence is what the broker knows of comings and goings. The broker's mutex guards it.
type presence struct {
	// here counts the streams of whereabouts that make their user present.
	here map[chat.Whereabouts]int
	// came are whereabouts that the others have yet to be told of; true where the readers have
	// to be told as well.
	came map[chat.Whereabouts]bool
	// stored are those among them that the store may hold already: a round that had told of them
	// failed behind that.
	stored map[chat.Whereabouts]struct{}
	// gone are whereabouts whose last stream has ended.
	gone map[chat.Whereabouts]departure
	// forsaken are goings of instances that are gone, of which nobody has been told yet. They are
	// the leaseholder's alone.
	forsaken []move
}

// departure is the end of the last stream of some whereabouts.
type departure struct {
	at time.Time
	// chats are those that the stream followed, in order.
	chats []string
}

func newPresence() presence {
	return presence{
		here: make(map[chat.Whereabouts]int),
		came: make(map[chat.Whereabouts]bool), stored: make(map[chat.Whereabouts]struct{}), gone: make(map[chat.Whereabouts]departure),
	}
}

// whereabouts are where the reader makes its user present.
func (rd *reader) whereabouts() chat.Whereabouts {
	return chat.Whereabouts{Username: rd.credential.user, Chat: rd.start.Chat}
}

// chats are those that the reader follows, in order. The broker's mutex is held.
func (rd *reader) chats() []string {
	if !rd.overAll() {
		return []string{rd.start.Chat}
	}
	ids := make([]string, len(rd.others))
	for i, sub := range rd.others {
		ids[i] = sub.room.key.chat
	}
	return ids
}

// follows says whether the reader follows a chat. The broker's mutex is held.
func (rd *reader) follows(chatID string) bool {
	if !rd.overAll() {
		return rd.start.Chat == chatID
	}
	_, found := rd.find(chatID)
	return found
}

// readerOf finds a reader of some whereabouts; nil is none. The broker's mutex is held.
func (b *Broker) readerOf(w chat.Whereabouts) *reader {
	for rd := range b.users[w.Username] {
		if rd.present && rd.start.Chat == w.Chat {
			return rd
		}
	}
	return nil
}

// appear makes the reader's user present.
func (b *Broker) appear(rd *reader) {
	b.mu.Lock()
	defer b.mu.Unlock()
	w := rd.whereabouts()
	if _, lingers := b.gone[w]; lingers {
		delete(b.gone, w)
	} else if b.here[w] == 0 {
		b.came[w] = true
	}
	b.here[w]++
	rd.present = true
}

// disappear begins the time for which a user stays present behind the last stream of some
// whereabouts. The broker's mutex is held.
func (b *Broker) disappear(rd *reader, now time.Time) {
	if !rd.present {
		return
	}
	rd.present = false
	w := rd.whereabouts()
	if b.here[w]--; b.here[w] > 0 {
		return
	}
	delete(b.here, w)
	tells := b.came[w]
	_, stored := b.stored[w]
	delete(b.stored, w)
	if tells {
		delete(b.came, w)
		if !stored { // nobody was told
			return
		}
	}
	b.gone[w] = departure{now, rd.chats()}
}

// Present lists the users that are present in a chat at this instance, in no order.
func (b *Broker) Present(chatID string) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	users := b.presentIn(chatID)
	for w, d := range b.gone {
		if _, found := slices.BinarySearch(d.chats, chatID); found {
			users[w.Username] = struct{}{}
		}
	}
	list := make([]string, 0, len(users))
	for user := range users {
		list = append(list, user)
	}
	return list
}

// presentIn are the users that have a stream on a chat. The broker's mutex is held.
func (b *Broker) presentIn(chatID string) map[string]struct{} {
	users := make(map[string]struct{})
	if ro := b.memory.rooms[roomKey{chat: chatID}]; ro != nil {
		for _, sub := range ro.subscriptions {
			if sub.reader.present {
				users[sub.reader.credential.user] = struct{}{}
			}
		}
	}
	return users
}

// notePresent has the others told of all that are present, because nothing is stored of it.
func (b *Broker) notePresent() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, readers := range b.users {
		for rd := range readers {
			if w := rd.whereabouts(); rd.present && !b.came[w] {
				b.came[w] = false
			}
		}
	}
}

// tellOfPresence tells the chats' readers of comings and goings until ctx ends, where there is
// one instance.
func (b *Broker) tellOfPresence(ctx context.Context) {
	round := time.NewTicker(leaseRound)
	defer round.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-round.C:
		}
		_ = b.movePresence(ctx, nil) // fails by the lease alone
	}
}

// move is a coming or a going.
type move struct {
	chat.Whereabouts
	came bool
	// chats are those in which it happened; tells says that readers have to be told.
	chats []string
	tells bool
}

// movePresence tells the other instances, and then the chats' readers, of some comings and
// goings. A nil lease is that of an instance that is alone.
func (b *Broker) movePresence(ctx context.Context, l Lease) error {
	moves, left := b.takeMoves(time.Now())
	if len(moves) == 0 {
		return nil
	}
	others := company{}
	if l != nil {
		var err error
		if others, err = tellMoves(ctx, l, moves); err != nil {
			b.putBack(moves, left)
			return err
		}
	}
	for _, s := range b.signalsOf(moves, others) {
		b.Signal(s)
	}
	return nil
}

// takeMoves takes some comings, and goings that have lasted. left are the departures among
// them.
func (b *Broker) takeMoves(now time.Time) (moves []move, left map[chat.Whereabouts]departure) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for w, tells := range b.came {
		if len(moves) == maxMoves {
			break
		}
		delete(b.came, w)
		delete(b.stored, w)
		if rd := b.readerOf(w); rd != nil {
			moves = append(moves, move{w, true, rd.chats(), tells})
		}
	}
	for w, d := range b.gone {
		if len(moves) == maxMoves {
			break
		}
		if now.Sub(d.at) < presenceKept {
			continue
		}
		delete(b.gone, w)
		if left == nil {
			left = make(map[chat.Whereabouts]departure)
		}
		left[w] = d
		moves = append(moves, move{w, false, d.chats, true})
	}
	return moves, left
}

// putBack has moves told later that could not be told.
func (b *Broker) putBack(moves []move, left map[chat.Whereabouts]departure) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range moves {
		present := b.here[m.Whereabouts] > 0
		switch {
		case m.came && present:
			b.came[m.Whereabouts] = b.came[m.Whereabouts] || m.tells
			b.stored[m.Whereabouts] = struct{}{}
		case !m.came && !present:
			b.gone[m.Whereabouts] = left[m.Whereabouts]
		}
	}
}

// company is who is present at other instances.
type company struct {
	// users are the whereabouts of the users that have moved, counts how many users are present
	// in the chats concerned.
	users  map[chat.Whereabouts]struct{}
	counts map[string]int
}

// has says whether a user is present in a chat.
func (c company) has(user, chatID string) bool {
	_, all := c.users[chat.Whereabouts{Username: user}]
	_, one := c.users[chat.Whereabouts{Username: user, Chat: chatID}]
	return all || one
}

// sweepPresence tells the chats' readers of users whose instances are gone. That may be told
// by several instances, which does no harm.
func (b *Broker) sweepPresence(ctx context.Context, l Lease) error {
	forsaken, err := l.Forsaken(ctx, presenceKept)
	for w, chats := range forsaken {
		b.forsaken = append(b.forsaken, move{w, false, chats, true})
	}
	if err != nil || len(b.forsaken) == 0 {
		return err
	}
	others, err := companyOf(ctx, l, b.forsaken)
	if err != nil {
		return err
	}
	for _, s := range b.signalsOf(b.forsaken, others) {
		b.Signal(s)
	}
	b.forsaken = nil
	return nil
}

// tellMoves tells the other instances of moves, and then reads who is present there: of two
// instances between which a user moves one at least sees the other.
func tellMoves(ctx context.Context, l Lease, moves []move) (others company, err error) {
	var came, gone []chat.Whereabouts
	for _, m := range moves {
		if m.came {
			came = append(came, m.Whereabouts)
		} else {
			gone = append(gone, m.Whereabouts)
		}
	}
	if err := l.TellPresence(ctx, came, gone); err != nil {
		return others, err
	}
	return companyOf(ctx, l, moves)
}

// companyOf reads who is present elsewhere, as far as it matters to moves.
func companyOf(ctx context.Context, l Lease, moves []move) (others company, err error) {
	var users, chats []string
	for _, m := range moves {
		if m.tells {
			users = append(users, m.Username)
			chats = append(chats, m.chats...)
		}
	}
	if len(users) == 0 {
		return others, nil
	}
	whereabouts, err := l.PresentElsewhere(ctx, distinct(users))
	if err != nil {
		return others, err
	}
	others.users = make(map[chat.Whereabouts]struct{}, len(whereabouts))
	for _, w := range whereabouts {
		others.users[w] = struct{}{}
	}
	others.counts, err = l.CountElsewhere(ctx, distinct(chats))
	return others, err
}

func distinct(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}

// signalsOf are the signals of moves: none of a user who is present in the chat by another
// stream, and none of a chat in which many are. What waits of the latter is forgotten, at the
// other instances too: what waits here waits there.
func (b *Broker) signalsOf(moves []move, others company) (signals []Signal) {
	b.mu.Lock()
	defer b.mu.Unlock()
	crowded := make(map[string]bool)
	for _, m := range moves {
		if !m.tells || !m.came && b.isHere(m.Whereabouts) {
			continue
		}
		for _, chatID := range m.chats {
			if others.has(m.Username, chatID) || b.presentBeside(m.Whereabouts, chatID) {
				continue
			}
			if _, known := crowded[chatID]; !known {
				crowded[chatID] = b.isCrowded(chatID, others.counts[chatID])
				if crowded[chatID] && b.forgetPresence(chatID) {
					signals = append(signals, Signal{Kind: SignalCrowd, Chat: chatID})
				}
			}
			if !crowded[chatID] {
				signals = append(signals, Signal{
					Kind: chat.SignalPresence, Chat: chatID, Username: m.Username, Present: m.came, At: b.applied,
				})
			}
		}
	}
	return signals
}

// isHere says whether a stream of some whereabouts is open, or ended lately. The broker's mutex
// is held.
func (b *Broker) isHere(w chat.Whereabouts) bool {
	_, lingers := b.gone[w]
	return lingers || b.here[w] > 0
}

// presentBeside says whether a user is present in a chat by a stream with other
// whereabouts. The broker's mutex is held.
func (b *Broker) presentBeside(w chat.Whereabouts, chatID string) bool {
	for rd := range b.users[w.Username] {
		if rd.present && rd.start.Chat != w.Chat && rd.follows(chatID) {
			return true
		}
	}
	other := chat.Whereabouts{Username: w.Username}
	if w.Chat == "" {
		other.Chat = chatID
	}
	d, lingers := b.gone[other]
	if !lingers {
		return false
	}
	_, found := slices.BinarySearch(d.chats, chatID)
	return found
}

// isCrowded says whether more than [maxPresent] users are present in a chat, of whom so many
// are elsewhere. The broker's mutex is held.
func (b *Broker) isCrowded(chatID string, elsewhere int) bool {
	ro := b.memory.rooms[roomKey{chat: chatID}]
	if ro == nil || elsewhere+len(ro.subscriptions) <= maxPresent {
		return elsewhere > maxPresent
	}
	return elsewhere+len(b.presentIn(chatID)) > maxPresent
}

// heedCrowd forgets what waits of a chat in which many are present now.
func (b *Broker) heedCrowd(s Signal) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.forgetPresence(s.Chat)
}

// forgetPresence drops the comings and goings of a chat that wait in its room and at the room's
// readers, and says whether there were any. Told one a second, they would go on for half a
// minute. The broker's mutex is held.
func (b *Broker) forgetPresence(chatID string) (waited bool) {
	ro := b.memory.rooms[roomKey{chat: chatID}]
	if ro == nil {
		return false
	}
	lane, _ := laneOf(chat.SignalPresence)
	if ro.signals != nil {
		waited = ro.signals.forgetIn(lane, chatID)
	}
	for _, sub := range ro.subscriptions {
		if sg := sub.reader.signals; sg != nil {
			waited = sg.forgetIn(lane, chatID) || waited
		}
	}
	return waited
}
