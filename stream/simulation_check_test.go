package stream

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"parley/chat"
)

// entitlement is what a stream may and has to show, written down from the contract.
type entitlement struct {
	// events are those behind its place, in order, up to the end of its rights.
	events []chat.Event
	upTo   int64
	// before is behind what the events were lost later. Such an event may be missing: a
	// read of the log may have come too late for it.
	before int64
	// life are the log's events.
	life []chat.Event
	// end is the row that ends its rights, why the reason; nil while they go on.
	end   *chat.Event
	endAt time.Time
	why   reason
}

// entitled computes what a stream that opened at a position has to show of the log as it
// was in one of its lives, behind from. The log's mutex is held.
func (s *simStream) entitled(life simLife, opened, from int64) entitlement {
	en := entitlement{upTo: life.events[len(life.events)-1].Pos, before: life.before, life: life.events}
	for i, e := range life.events {
		if why := s.endedBy(e); why != "" && e.Pos > opened {
			en.end, en.endAt, en.why, en.upTo = &life.events[i], life.at[i], why, e.Pos
			break
		}
	}
	user := s.start.Actor.Username
	shown := life.events
	if s.start.Chat == "" {
		shown = expected(life.events, intervalsOf(life.events, user), opened, from, en.upTo)
	}
	for _, e := range shown {
		ofChat := s.start.Chat == "" || e.Chat == s.start.Chat && from < e.Pos && e.Pos <= en.upTo
		if ofChat && (e.Origin == "" || e.Origin != s.start.Origin || e.Message.Author != user) {
			en.events = append(en.events, e)
		}
	}
	return en
}

// place is where a stream that opened at a position has to begin, and why that is not
// where the client asked for. The log's mutex is held.
func (l *simLog) place(asked string, opened int64) (from int64, reset string) {
	if asked == "" || asked == "now" {
		return opened, ""
	}
	if asked == "earliest" {
		return 0, ""
	}
	pos, err := strconv.ParseInt(asked, 10, 64)
	if err != nil || len(asked) > 18 || pos < 0 {
		return opened, resetMalformed
	}
	for _, j := range l.jumps {
		if j.Pos <= opened && j.Before < pos && pos < j.Pos {
			return opened, resetAhead
		}
	}
	if pos > opened {
		return opened, resetAhead
	}
	return pos, ""
}

// endedBy says why an event ends the stream's rights, if it does.
func (s *simStream) endedBy(e chat.Event) reason {
	a := s.start.Actor
	switch {
	case e.Kind == chat.KindSessionEnded && e.Session == a.Session,
		e.Kind == chat.KindUserDisabled && e.Username == a.Username:
		return reasonRevoked
	case s.start.Chat == "" || e.Chat != s.start.Chat:
	case e.Kind == chat.KindMemberLeft && e.Username == a.Username:
		return reasonLeft
	case e.Kind == chat.KindChatDeleted:
		return reasonDeleted
	}
	return ""
}

// check compares what the stream showed with what it had to, once all has settled. It
// returns the first thing that is wrong.
func (s *simStream) check() error {
	l := s.world.log
	s.mu.Lock()
	defer s.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.reader == nil || len(s.seen) == 0 {
		return s.checkRefusal()
	}
	if s.seen[0].opened < s.known {
		return fmt.Errorf("it opened at %d, although the head was %d before", s.seen[0].opened, s.known)
	}
	c := streamCheck{s: s, cursor: -1}
	asked := s.wanted
	// Where the log lost the part in which the stream opened or stood, the stream goes on
	// as if it had opened anew with the id that its client holds.
	for seen := s.seen; len(seen) > 0; {
		n := untilReopened(seen)
		c.from, c.reset = l.place(asked, seen[0].opened)
		next, err := c.inAnyLife(seen[:n], n == len(seen))
		if err != nil {
			return err
		}
		c, seen, asked = next, seen[n:], strconv.FormatInt(next.cursor, 10)
	}
	return nil
}

// untilReopened is how many blocks come before the stream's next opening.
func untilReopened(blocks []seen) int {
	placed := false
	for i, b := range blocks {
		if b.opened != blocks[0].opened || placed && b.name == resetName {
			return i
		}
		placed = placed || b.id >= 0
	}
	return len(blocks)
}

// inAnyLife checks blocks between two openings, of which the stream's last are behind the
// last one. What the log has lost may have been shown before, but to no stream that opened behind
// the loss.
func (c streamCheck) inAnyLife(blocks []seen, last bool) (next streamCheck, err error) {
	l := c.s.world.log
	now := simLife{l.events, l.at, chat.MaxPosition, chat.MaxPosition}
	opened := blocks[0].opened
	if next, err = c.inLife(now, opened, blocks, last); err == nil {
		return next, nil
	}
	for i, life := range l.lives {
		if opened >= life.until {
			continue
		}
		if next, ok := c.intoLife(l.lives[i:], now, opened, blocks, last); ok {
			return next, nil
		}
		if !c.mayStayIn(last) {
			continue
		}
		next, wrong := c.inLife(life, opened, blocks, last)
		if wrong == nil {
			return next, nil
		}
		err = fmt.Errorf("%w; or in a life up to %d, %w", err, next.en.upTo, wrong)
	}
	return next, err
}

// mayStayIn says whether blocks may end in a life that the log has lost: those of a stream that is
// open to the end may not, because it has heard of the loss.
func (c *streamCheck) mayStayIn(last bool) bool { return !last || c.s.ended || c.s.left }

// intoLife checks blocks of which some first ones, or all, are of the first of the lives that the
// log has lost, and what follows is of later ones, or of the log as it is: it was read before
// the stream's instance had heard of the loss, or behind an opening anew that moved nothing. No
// stream may go on like that from a place that was lost.
func (c streamCheck) intoLife(lost []simLife, now simLife, opened int64, blocks []seen, last bool) (next streamCheck, ok bool) {
	longest := true
	for n := len(blocks); n > 0; n-- {
		first, err := c.inLife(lost[0], opened, blocks[:n], false)
		if err != nil || first.cursor < 0 || c.s.world.log.lost(first.cursor) {
			continue
		}
		first.from, first.reset = first.cursor, ""
		if next, err = first.inLife(now, opened, blocks[n:], last); err == nil {
			return next, true
		}
		// To look for other lives behind each place would take too long.
		for i := 1; i < len(lost) && n < len(blocks) && longest; i++ {
			if next, ok = first.intoLife(lost[i:], now, opened, blocks[n:], last); ok {
				return next, true
			}
			if next, err = first.inLife(lost[i], opened, blocks[n:], last); err == nil && c.mayStayIn(last) {
				return next, true
			}
		}
		longest = false
	}
	return next, false
}

// lost says whether the log has lost a position. The log's mutex is held.
func (l *simLog) lost(pos int64) bool {
	return slices.ContainsFunc(l.jumps, func(j chat.Jump) bool { return j.Lost(pos) })
}

// inLife checks blocks of a stream that opened at a position against one life of the log.
func (c streamCheck) inLife(life simLife, opened int64, blocks []seen, last bool) (streamCheck, error) {
	c.en, c.next, c.versions = c.s.entitled(life, opened, c.from), 0, nil
	if c.cursor >= 0 && c.reset != "" {
		c.cursor = -1 // it is told so
	}
	for _, b := range blocks {
		if err := c.block(b); err != nil {
			return c, fmt.Errorf("block %v, opened at %d: %w", b, b.opened, err)
		}
	}
	if !last {
		return c, nil
	}
	return c, c.finish()
}

// checkRefusal checks that a stream which did not begin was refused for a reason.
func (s *simStream) checkRefusal() error {
	switch {
	case s.left, s.ended && s.reader != nil && s.stuck, s.ended && (errors.Is(s.err, chat.ErrUnavailable) || errors.Is(s.err, chat.ErrSessionEnded)):
		return nil
	case s.ended && errors.Is(s.err, chat.ErrNotFound) && s.start.Chat != "" && s.world.wasOut(s):
		return nil
	}
	return fmt.Errorf("it never began: ended %v, with %v", s.ended, s.err)
}

// streamCheck follows a stream's blocks.
type streamCheck struct {
	s *simStream
	// from is where it begins; reset says why that is not where the client asked for.
	from  int64
	reset string
	en    entitlement
	// cursor is the id that the client holds, next how many of the events it was shown,
	// shown how many it was shown from the first opening on.
	cursor      int64
	next, shown int
	ready       bool
	// versions are the latest at which messages were shown, of those that were ever changed.
	versions map[int64]int64
	bye      reason
	last     seen
}

func (c *streamCheck) block(b seen) error {
	defer func() { c.last = b }()
	switch {
	case b.strange != "":
		return errors.New("a line that no stream has")
	case c.bye != "":
		return errors.New("it comes behind bye")
	case b.id > b.head:
		return errors.New("its id is ahead of the head")
	case b.retry:
		return nil
	case c.cursor < 0:
		return c.begin(b)
	case b.id >= 0 && !b.hasData:
		return c.place(b)
	case b.id >= 0:
		return c.event(b)
	case b.hasData:
		return c.control(b)
	}
	return errors.New("nothing is in it")
}

// begin checks the block that says where the stream begins.
func (c *streamCheck) begin(b seen) error {
	if b.id != c.from || (b.name == resetName) != (c.reset != "") || b.hasData != (c.reset != "") {
		return fmt.Errorf("it begins with this, where it should at %d with reset %q", c.from, c.reset)
	}
	if want := fmt.Sprintf(`{"reason":"%s","cursor":%d}`, c.reset, c.from); b.hasData && b.data != want {
		return fmt.Errorf("reset should say %s", want)
	}
	c.cursor = b.id
	return nil
}

// place checks that nothing was left out before a place without an event.
func (c *streamCheck) place(b seen) error {
	if b.id < c.cursor {
		return fmt.Errorf("the place moves back from %d", c.cursor)
	}
	c.cursor = b.id
	return c.nothingUpTo(b.id)
}

func (c *streamCheck) nothingUpTo(pos int64) error {
	if c.next < len(c.en.events) && c.en.events[c.next].Pos <= min(pos, c.en.before) {
		return fmt.Errorf("%d was left out", c.en.events[c.next].Pos)
	}
	return nil
}

// event checks that the block is the next event that the stream has to show.
func (c *streamCheck) event(b seen) error {
	for c.next < len(c.en.events) && c.en.before < c.en.events[c.next].Pos && c.en.events[c.next].Pos < b.id {
		c.next++
	}
	if c.next == len(c.en.events) {
		return fmt.Errorf("there is nothing to show behind %d", c.cursor)
	}
	e := c.en.events[c.next]
	if e.Message != nil && c.s.world.log.changed[e.Message.ID] {
		if err := c.version(b, e); err != nil {
			return err
		}
	} else if !c.s.shows(b, e) {
		name, data := c.s.world.frameOf(e, c.s)
		return fmt.Errorf("it should be %d %q %s", e.Pos, name, data)
	}
	c.cursor, c.next, c.shown = b.id, c.next+1, c.shown+1
	return nil
}

// shows says whether the block is an event as it stands.
func (s *simStream) shows(b seen, e chat.Event) bool {
	name, data := s.world.frameOf(e, s)
	return b.id == e.Pos && b.name == name && b.data == data
}

// version checks that the block is the event, with its message as an edit or a deletion left it
// that the log had then: none older than what the stream has shown of it, than what the log had
// when the stream opened, or than what the instance has applied.
func (c *streamCheck) version(b seen, e chat.Event) error {
	id := e.Message.ID
	least, shown := c.versions[id], int64(0)
	for _, v := range c.en.life {
		if v.Pos > b.head {
			break
		}
		if v.Message == nil || v.Message.ID != id {
			continue
		}
		if v.Pos <= max(b.opened, b.applied, e.Pos) {
			least = max(least, v.Pos)
		}
		as := e
		as.Message = v.Message
		if c.s.shows(b, as) {
			shown = v.Pos
		}
	}
	switch {
	case shown == 0:
		return fmt.Errorf("it should be %d %q with what the log says of %d", e.Pos, e.Kind, id)
	case shown < least:
		return fmt.Errorf("it shows %d as it was at %d, and %d is known to the client", id, shown, least)
	}
	if c.versions == nil {
		c.versions = make(map[int64]int64)
	}
	c.versions[id] = shown
	return nil
}

// control checks a block without an id.
func (c *streamCheck) control(b seen) error {
	var said struct {
		Head   int64  `json:"head"`
		Reason reason `json:"reason"`
	}
	if err := json.Unmarshal([]byte(b.data), &said); err != nil {
		return err
	}
	switch b.name {
	case "ready":
		if c.ready || said.Head > b.head || said.Head < b.opened {
			return fmt.Errorf("ready with the head at %d, opened at %d", b.head, b.opened)
		}
		c.ready = true
		return c.nothingUpTo(b.opened)
	case "ping":
		if said.Head > b.head {
			return fmt.Errorf("the head is at %d", b.head)
		}
	case "auth":
		// It is of when it was written, which is between the two.
		early := func(at time.Time) bool { return at.Before(c.s.session().untilSince(at).Add(-c.s.notice)) }
		if early(b.began) && early(b.at) {
			return fmt.Errorf("the session has access until %v", c.s.session().untilSince(b.at))
		}
	case "presence":
		return c.presence(b)
	case "bye":
		c.bye = said.Reason
	default:
		return errors.New("an event that no stream has")
	}
	return nil
}

// presence checks that the stream is live, and that its user was not shown to have left the
// chat. A failover may have lost the leave.
func (c *streamCheck) presence(b seen) error {
	var said chat.Presence
	if err := json.Unmarshal([]byte(b.data), &said); err != nil {
		return err
	}
	if !c.ready || said.Username == c.s.start.Actor.Username {
		return fmt.Errorf("ready %v, by %s", c.ready, said.Username)
	}
	user := c.s.start.Actor.Username
	for _, e := range slices.Backward(c.en.events[:c.next]) {
		ended := e.Kind == chat.KindChatDeleted || e.Kind == chat.KindMemberLeft && e.Username == user
		began := e.Kind == chat.KindMemberJoined && e.Username == user
		if e.Chat == said.Chat && (ended || began) {
			if ended {
				return fmt.Errorf("%s left the chat at %d", user, e.Pos)
			}
			break
		}
	}
	return nil
}

// slack is how long an answer of a database may be on its way.
const slack = 4 * time.Second

// untilSince is the least until when the session has had access lately, as far as an
// instance may know.
func (s *simSession) untilSince(at time.Time) time.Time {
	least := s.until(at)
	for _, r := range s.renewals {
		if r.at.After(at.Add(-slack)) && !r.at.After(at) {
			least = earliest(least, s.until(at.Add(-slack)))
		}
	}
	return least
}

// finish checks how the stream ended, or that it goes on.
func (c *streamCheck) finish() error {
	s, en := c.s, c.en
	over := s.ended && !s.left
	rights := c.bye == reasonLeft || c.bye == reasonDeleted || c.bye == reasonRevoked
	switch {
	case s.left:
	case !over && en.end != nil:
		return fmt.Errorf("its rights ended at %d, and it goes on", en.end.Pos)
	case !over && (!c.ready || c.next < len(en.events)):
		return fmt.Errorf("it is open, ready %v, and was shown %d of %d events", c.ready, c.next, len(en.events))
	case !over && s.session().until(time.Now()).Before(time.Now().Add(-accessGrace-slack)):
		return errors.New("it outlives its session")
	// A socket may have taken all of the bye, and not HTTP's last chunk behind it.
	case over && c.bye != "" && s.aborted != c.bye.breaksOff() && !(s.aborted && s.stuck):
		return fmt.Errorf("bye %q, and the connection was broken off: %v", c.bye, s.aborted)
	case over && c.bye == "" && !s.stuck:
		return fmt.Errorf("it ended without bye: %q %v", s.why, s.err)
	case rights && len(s.world.log.lives) > 0: // it may have stood in what was lost, and was refused
	case rights && (en.end == nil || c.bye != en.why) && !(c.bye == reasonRevoked && s.toldOver()):
		return fmt.Errorf("bye %q without a reason", c.bye)
	case rights && en.end != nil && c.last.at.Before(en.endAt):
		return errors.New("it ended before its rights did")
	case rights && c.next < len(en.events) && c.last.at.Before(en.endAt.Add(endingGrace)) && !s.toldOver():
		return fmt.Errorf("it ended for %q at once, and was shown %d of %d events", c.bye, c.next, len(en.events))
	case c.bye == reasonExpired && s.session().untilSince(c.last.at).After(c.last.at) && !s.pastGrace(c.last.at):
		return errors.New("it expired although the session was renewed")
	case c.bye == reasonShutdown && !s.lastOf, c.bye == reasonRotate && s.world.rotate == 0, c.bye == reasonSlow:
		return fmt.Errorf("bye %q without a reason", c.bye)
	case c.bye == reasonLimit && (s.start.Limit == 0 || c.shown != int(s.start.Limit)), c.bye == reasonTimeout:
		return fmt.Errorf("bye %q without a reason", c.bye)
	case s.start.Limit > 0 && c.shown > int(s.start.Limit):
		return errors.New("it goes on beyond its limit")
	}
	return nil
}

// pastGrace says whether a stream may have ended because the store could not say for a
// while that its session was renewed.
func (s *simStream) pastGrace(at time.Time) bool {
	return at.After(s.start.Actor.Expires.Time().Add(accessGrace))
}

func (s *simStream) session() *simSession { return s.world.log.sessions[s.start.Actor.Session] }

func (s *simStream) toldOver() bool { return s.database.wasToldOver(s.start.Actor.Session) }

// frameOf is how a stream has to show an event.
func (w *world) frameOf(e chat.Event, s *simStream) (name, data string) {
	own := s.start.Chat == "" && e.Username == s.start.Actor.Username
	switch {
	case own && e.Kind == chat.KindMemberJoined:
		return chat.NameChatJoined, string(encode(chat.ChatRef{Seq: e.Seq, Chat: e.Chat}))
	case own && e.Kind == chat.KindMemberLeft:
		return chat.NameChatLeft, string(encode(chat.ChatRef{Seq: e.Seq, Chat: e.Chat}))
	case e.Kind != chat.KindMessage:
		name = string(e.Kind)
	}
	key := [2]int64{e.Pos}
	if e.Message != nil {
		key[1] = e.Message.Changed
	}
	data, known := w.data[key]
	if !known {
		data = string(encode(e.Data()))
		w.data[key] = data
	}
	return name, data
}

// wasOut says whether a stream's user was no member of its chat at some time while the
// stream was being opened. The log's mutex is held.
func (w *world) wasOut(s *simStream) bool {
	if len(w.log.lives) > 0 {
		return true // in which of them is not known
	}
	in := w.log.intervals(s.start.Actor.Username)[s.start.Chat]
	for _, iv := range in {
		joined := w.log.at[w.log.index(iv.joined)-1]
		left := iv.left == 0 || w.log.at[w.log.index(iv.left)-1].After(s.endedAt)
		if left && !joined.After(s.asked) {
			return false
		}
	}
	return true
}
