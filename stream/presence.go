package stream

import (
	"context"
	"runtime"
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
	// maxMoves is how many comings and goings one round tells of, which is what the store writes
	// at once, and maxMovedChats in how many chats, about, which is what it counts at once.
	maxMoves      = 500
	maxMovedChats = 20_000
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
	// gone are whereabouts whose last stream has ended. departed are their departures, the
	// earliest first, among others whose users came back; lingering are the former by chat.
	gone      map[chat.Whereabouts]*departure
	departed  []*departure
	lingering map[string]map[*departure]struct{}
	// forsaken are goings of instances that are gone, of which nobody has been told yet. They are
	// the leaseholder's alone.
	forsaken []move
}

// departure is the end of the last stream of some whereabouts.
type departure struct {
	chat.Whereabouts
	at time.Time
	// chats are those that the stream followed, in order.
	chats []string
}

func newPresence() presence {
	return presence{
		here: make(map[chat.Whereabouts]int),
		came: make(map[chat.Whereabouts]bool), stored: make(map[chat.Whereabouts]struct{}),
		gone: make(map[chat.Whereabouts]*departure), lingering: make(map[string]map[*departure]struct{}),
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

// chatsAt are the chats in which a user is present by some whereabouts, in order. The broker's
// mutex is held.
func (b *Broker) chatsAt(w chat.Whereabouts) []string {
	if w.Chat != "" {
		return []string{w.Chat}
	}
	for rd := range b.users[w.Username] {
		if rd.present && rd.overAll() {
			return rd.chats()
		}
	}
	return nil
}

// appear makes the reader's user present, in one slice of its chats after another.
func (b *Broker) appear(rd *reader) {
	b.mu.Lock()
	defer b.mu.Unlock()
	w := rd.whereabouts()
	d := b.gone[w]
	if d == nil && b.here[w] == 0 {
		b.came[w] = true
	}
	delete(b.gone, w)
	b.here[w]++
	rd.present = true
	rd.first.appear()
	for i, n := 0, 0; i < len(rd.others); n++ {
		sub := rd.others[i]
		id := sub.room.key.chat
		sub.appear()
		i++
		if b.yieldAfter(n) { // chats may have come and gone before it, and so may it
			at, found := rd.find(id)
			if i = at; found {
				i++
			}
		}
	}
	if d != nil {
		b.endLingering(d)
		d.chats = nil // the departure waits for its turn, and is passed over then
	}
}

// disappear begins the time for which a user stays present behind the last stream of some
// whereabouts. The rooms count the reader's subscriptions until these end. The broker's mutex is
// held, and left to others after each slice of the reader's chats.
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
	if b.drained { // nobody is told any more, and all go at once
		return
	}
	d := &departure{w, now, rd.chats()}
	b.departed = append(b.departed, d)
	b.linger(d)
}

// notePresent has the others told of all that are present, because nothing is stored of it.
func (b *Broker) notePresent() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for w := range b.here {
		if _, waits := b.came[w]; !waits {
			b.came[w] = false
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
	// chats are those in which it happened, if readers have to be told, which tells says.
	chats []string
	tells bool
	// departure is that of a going of this instance.
	departure *departure
}

// movePresence tells the other instances, and then the chats' readers, of some comings and
// goings. A nil lease is that of an instance that is alone.
func (b *Broker) movePresence(ctx context.Context, l Lease) error {
	moves := b.takeMoves(time.Now())
	if len(moves) == 0 {
		return nil
	}
	others := company{}
	if l != nil {
		var err error
		if others, err = tellMoves(ctx, l, moves); err != nil {
			b.putBack(moves)
			return err
		}
	}
	b.tell(moves, others)
	return nil
}

// presenceRound is what one round takes of comings and goings.
type presenceRound struct {
	moves []move
	// chats is in how many chats there are any.
	chats int
}

func (r *presenceRound) add(m move) {
	r.moves = append(r.moves, m)
	r.chats += len(m.chats)
}

// isFull says whether what is left waits for the next round.
func (r *presenceRound) isFull() bool { return len(r.moves) >= maxMoves || r.chats >= maxMovedChats }

// takeMoves takes some comings, and goings that have lasted.
func (b *Broker) takeMoves(now time.Time) []move {
	var r presenceRound
	for b.takeComings(&r) {
		runtime.Gosched()
	}
	for b.takeGoings(&r, now) {
		runtime.Gosched()
	}
	return r.moves
}

// takeComings takes a slice of the comings, and says whether the round takes more.
func (b *Broker) takeComings(r *presenceRound) (more bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	slice := 0
	for w, tells := range b.came {
		if r.isFull() {
			return false
		}
		if slice >= subscriptionSlice {
			return true
		}
		delete(b.came, w)
		delete(b.stored, w)
		slice += b.effort(w)
		if b.here[w] == 0 {
			continue
		}
		m := move{Whereabouts: w, came: true, tells: tells}
		if tells {
			m.chats = b.chatsAt(w)
			slice += len(m.chats)
		}
		r.add(m)
	}
	return false
}

// takeGoings takes a slice of the goings that have lasted, and says whether the round takes more.
func (b *Broker) takeGoings(r *presenceRound, now time.Time) (more bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for slice := 0; len(b.departed) > 0 && !r.isFull(); slice++ {
		d := b.departed[0]
		if now.Sub(d.at) < presenceKept {
			return false
		}
		if slice >= subscriptionSlice {
			return true
		}
		b.departed[0] = nil
		if b.departed = b.departed[1:]; len(b.departed) == 0 {
			b.departed = nil
		}
		if b.gone[d.Whereabouts] != d {
			continue
		}
		delete(b.gone, d.Whereabouts)
		r.add(move{Whereabouts: d.Whereabouts, chats: d.chats, tells: true, departure: d})
		slice += len(d.chats)
		b.endLingering(d)
	}
	return false
}

// effort is what a look for a stream over all chats among those of a user counts of a slice, where
// there is one. The broker's mutex is held.
func (b *Broker) effort(all chat.Whereabouts) int {
	if all.Chat != "" || b.here[all] == 0 {
		return 1
	}
	return 1 + len(b.users[all.Username])/subscriptionSlice
}

// putBack has moves told later that could not be told.
func (b *Broker) putBack(moves []move) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var left []*departure
	for _, m := range moves {
		present := b.here[m.Whereabouts] > 0
		switch {
		case m.came && present:
			b.came[m.Whereabouts] = b.came[m.Whereabouts] || m.tells
			b.stored[m.Whereabouts] = struct{}{}
		case !m.came && !present:
			b.gone[m.Whereabouts] = m.departure
			left = append(left, m.departure)
		}
	}
	b.departed = slices.Insert(b.departed, 0, left...)
	for _, d := range left {
		if b.gone[d.Whereabouts] == d {
			b.linger(d)
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
		b.forsaken = append(b.forsaken, move{Whereabouts: w, chats: chats, tells: true})
	}
	if err != nil || len(b.forsaken) == 0 {
		return err
	}
	others, err := companyOf(ctx, l, b.forsaken)
	if err != nil {
		return err
	}
	b.tell(b.forsaken, others)
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

// tell tells the chats' readers of moves, in one slice of chats after another. A move is told in
// all of its chats before the next round, which alone may tell of another one of the same user.
func (b *Broker) tell(moves []move, others company) {
	t := newTelling(moves, others)
	for len(t.moves) > 0 {
		for _, s := range b.signalsOf(t) {
			b.Signal(s)
		}
		runtime.Gosched()
	}
}

// telling is what of moves has yet to be told.
type telling struct {
	// moves are those left, the first of them from the chat on that next says.
	moves  []move
	next   int
	others company
	// coming are the whereabouts of the comings left.
	coming map[chat.Whereabouts]struct{}
	// crowded says of chats that were looked at whether many are present there.
	crowded map[string]bool
}

func newTelling(moves []move, others company) *telling {
	t := &telling{moves: moves, others: others, coming: make(map[chat.Whereabouts]struct{}), crowded: make(map[string]bool)}
	for _, m := range moves {
		if m.came && m.tells {
			t.coming[m.Whereabouts] = struct{}{}
		}
	}
	return t
}

// signalsOf takes a slice of what has yet to be told, and makes signals of it: none of a user who
// is present in the chat by another stream, and none of a chat in which many are. What waits of the
// latter is forgotten, at the other instances too: what waits here waits there.
func (b *Broker) signalsOf(t *telling) (signals []Signal) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for slice := 0; len(t.moves) > 0 && slice < subscriptionSlice; {
		m := t.moves[0]
		if t.next == len(m.chats) || !m.tells || !m.came && b.isHere(m.Whereabouts) {
			delete(t.coming, m.Whereabouts)
			t.moves, t.next = t.moves[1:], 0
			slice++
			continue
		}
		chatID := m.chats[t.next]
		t.next++
		slice += b.effort(beside(m.Whereabouts, chatID))
		if t.others.has(m.Username, chatID) || b.presentBeside(t, m, chatID) {
			continue
		}
		if _, known := t.crowded[chatID]; !known {
			t.crowded[chatID] = b.isCrowded(chatID, t.others.counts[chatID])
			if t.crowded[chatID] {
				waited, walked := b.forgetPresence(chatID)
				if waited {
					signals = append(signals, Signal{Kind: SignalCrowd, Chat: chatID})
				}
				slice += walked / subscriptionSlice
			}
		}
		if !t.crowded[chatID] {
			signals = append(signals, Signal{
				Kind: chat.SignalPresence, Chat: chatID, Username: m.Username, Present: m.came, At: b.applied,
			})
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

// presentBeside says whether the user of a move is present in a chat by a stream with other
// whereabouts. For a coming, one that has yet to be told of does not count: of two at once either
// would wait for the other. The broker's mutex is held.
func (b *Broker) presentBeside(t *telling, m move, chatID string) bool {
	other := beside(m.Whereabouts, chatID)
	if b.here[other] > 0 && !(m.came && b.isUntold(t, other)) && b.isFollowedAt(other, chatID) {
		return true
	}
	d, lingers := b.gone[other]
	if !lingers {
		return false
	}
	_, found := slices.BinarySearch(d.chats, chatID)
	return found
}

// beside are the other whereabouts by which a user may be present in a chat.
func beside(w chat.Whereabouts, chatID string) chat.Whereabouts {
	if w.Chat == "" {
		return chat.Whereabouts{Username: w.Username, Chat: chatID}
	}
	return chat.Whereabouts{Username: w.Username}
}

// isFollowedAt says whether a stream of some whereabouts, which are the chat's own or over all
// chats, follows the chat. There is one of them. The broker's mutex is held.
func (b *Broker) isFollowedAt(w chat.Whereabouts, chatID string) bool {
	if w.Chat != "" {
		return true
	}
	for rd := range b.users[w.Username] {
		if rd.present && rd.overAll() {
			if _, found := rd.find(chatID); found {
				return true
			}
		}
	}
	return false
}

// isUntold says whether a coming has yet to be told of, in this round or in the next. The
// broker's mutex is held.
func (b *Broker) isUntold(t *telling, w chat.Whereabouts) bool {
	_, comes := t.coming[w]
	return comes || b.came[w]
}

// heedCrowd forgets what waits of a chat in which many are present now.
func (b *Broker) heedCrowd(s Signal) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.forgetPresence(s.Chat)
}

// forgetPresence drops the comings and goings of a chat that wait in its room and at the room's
// readers, and says whether there were any, and how many readers it looked at. Told one a second,
// they would go on for half a minute. The broker's mutex is held.
func (b *Broker) forgetPresence(chatID string) (waited bool, walked int) {
	ro := b.memory.rooms[roomKey{chat: chatID}]
	if ro == nil {
		return false, 0
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
	return waited, len(ro.subscriptions)
}
