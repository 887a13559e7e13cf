package stream

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing/synctest"
	"time"

	"parley/chat"
)

// fates decide what happens by chance. Each decision has a name of its own, so that it is
// the same however the goroutines that ask for it are scheduled.
type fates struct{ seed, about uint64 }

// of makes the chance of one decision.
func (f fates) of(names ...uint64) *rand.Rand {
	h := f.about
	for _, n := range names {
		h = (h ^ n) * 0x9e3779b97f4a7c15
		h ^= h >> 29
	}
	return rand.New(rand.NewPCG(f.seed, h))
}

// What fates are about.
const (
	aboutWorld uint64 = iota + 1
	aboutActions
	aboutBus
	aboutDatabase
)

// world is what one schedule happens in.
type world struct {
	seed      uint64
	log       *simLog
	bus       *simBus
	instances []*simInstance
	readers   []*simReader
	streams   []*simStream

	users, chats []string
	deleted      map[string]bool
	disabled     map[string]bool
	sessions     int
	texts        int
	rotate       time.Duration
	// unpolled says that no instance polls: what the bus loses it owns up to, and nothing
	// else is lost.
	unpolled bool
	// page is how many events a tail reads at once.
	page  int
	began time.Time
	// data is the JSON of events, by their positions and those at which their messages are shown,
	// as it was first needed.
	data  map[[2]int64]string
	trace []traced

	mu sync.Mutex
	// wrong are the faults that were noticed on the way.
	wrong []string
}

// traced is one line of a schedule's trace, formatted where it is needed.
type traced struct {
	at     time.Duration
	format string
	args   []any
}

// simInstance is one broker with its own way to the database and to the bus.
type simInstance struct {
	index    int
	options  Options
	database *simDatabase
	broker   *Broker
	tails    *simTails
}

// simTails is how far a broker's tail had come at times.
type simTails struct {
	mu sync.Mutex
	at []time.Time
	// pos are the positions at these times.
	pos []int64
}

// note notes how far the tail has come.
func (ts *simTails) note(pos int64) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	ts.at, ts.pos = append(ts.at, time.Now()), append(ts.pos, pos)
}

// before is how far the tail is known to have come before a time.
func (ts *simTails) before(at time.Time) int64 {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	for i, noted := range slices.Backward(ts.at) {
		if noted.Before(at) {
			return ts.pos[i]
		}
	}
	return 0
}

// simReader is a client that follows a chat, or all of its user's, on one connection after
// another.
type simReader struct {
	user, session, chat, origin string
	held                        string
	stream                      *simStream
}

func newWorld(seed uint64) *world {
	rnd := fates{seed, aboutWorld}.of()
	w := &world{
		seed: seed, log: newSimLog(), began: time.Now(),
		users: []string{"ann", "bob", "eve"}[:2+rnd.IntN(2)], chats: []string{"lobby", "den", "attic", "yard"}[:1+rnd.IntN(4)],
		deleted: make(map[string]bool), disabled: make(map[string]bool), data: make(map[[2]int64]string),
	}
	var first []chat.Event
	for _, c := range w.chats {
		first = append(first, joins(c, w.users[0]))
		if rnd.IntN(3) > 0 {
			first = append(first, joins(c, w.users[1]))
		}
	}
	w.log.commit(first...)
	if rnd.IntN(5) == 0 {
		w.rotate = 10 * time.Second
	}
	limits := []int{0, 100, minBatch, 8 << 10, 1 << 20, 1 << 20}
	limit := make([]int, []int{2, 2, 2, 3, 3, 4}[rnd.IntN(6)])
	for i := range limit {
		limit[i] = limits[rnd.IntN(len(limits))]
	}
	w.unpolled = rnd.IntN(8) == 0
	w.page = []int{3, tailPage}[rnd.IntN(2)]
	w.bus = newSimBus(fates{seed, aboutBus}, limit, w.unpolled)
	for i, end := range w.bus.ends {
		w.instances = append(w.instances, &simInstance{index: i, options: Options{
			Bus: end, Ping: []time.Duration{2 * time.Second, time.Minute}[rnd.IntN(2)], Rotate: w.rotate,
			Patience: []time.Duration{time.Second, 10 * time.Second}[rnd.IntN(2)], Poll: time.Duration(1+rnd.IntN(3)) * time.Second,
			RoomBytes: []int{1, 2000, 1 << 20}[rnd.IntN(3)], TotalBytes: []int{1, 4000, 64 << 20}[rnd.IntN(3)],
			Portable: rnd.IntN(4) == 0, Log: slog.New(&simLogger{w: w}),
		}})
		if w.unpolled {
			w.instances[i].options.Poll = time.Hour
		}
	}
	for range 2 + rnd.IntN(4) {
		rd := &simReader{user: w.users[rnd.IntN(len(w.users))], origin: []string{"", "tab"}[rnd.IntN(2)]}
		if rnd.IntN(2) == 0 {
			rd.chat = w.chats[rnd.IntN(len(w.chats))]
		}
		w.readers = append(w.readers, rd)
	}
	return w
}

// simLogger takes what a broker logs: of panics the world is told.
type simLogger struct {
	slog.Handler
	w *world
}

func (h *simLogger) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelError }

func (h *simLogger) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	b.WriteString(r.Message)
	r.Attrs(func(a slog.Attr) bool { b.WriteString(" " + a.String()); return true })
	h.w.fault("logged: %s", b.String())
	return nil
}

// fault notes that something is wrong.
func (w *world) fault(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wrong = append(w.wrong, fmt.Sprintf(format, args...))
}

// note adds a line to the trace.
func (w *world) note(format string, args ...any) {
	w.trace = append(w.trace, traced{time.Since(w.began), format, args})
}

// start starts an instance, or starts it anew.
func (w *world) start(in *simInstance) {
	in.database = &simDatabase{log: w.log, fates: fates{w.seed, aboutDatabase + uint64(in.index)<<8}, tailFine: w.unpolled, toldOver: make(map[string]bool)}
	in.broker, in.tails = New(in.database, in.options), new(simTails)
	in.broker.tail.page = w.page
	if err := in.broker.Start(context.Background()); err != nil {
		w.fault("start: %v", err)
	}
}

// end ends an instance.
func (w *world) end(in *simInstance) {
	for _, s := range w.streams {
		s.lastOf = s.lastOf || s.instance == in
	}
	in.broker.Close()
	w.bus.lost() // what it had yet to send
}

// run runs the schedule and leaves in w.wrong what was wrong.
func (w *world) run() {
	for _, in := range w.instances {
		w.start(in)
	}
	actions := 30 + fates{w.seed, aboutWorld}.of(1).IntN(31)
	for i := range actions {
		w.act(fates{w.seed, aboutActions}.of(uint64(i)))
	}
	w.settle()
	w.checkStreams()
	for _, in := range w.instances {
		w.end(in)
	}
	synctest.Wait()
	for _, s := range w.streams {
		if s.open() {
			w.fault("a stream outlives its broker")
		}
	}
}

// act does one thing, and lets some time pass.
func (w *world) act(rnd *rand.Rand) {
	n := rnd.IntN(total)
	for _, a := range actions {
		if n -= a.weight; n < 0 {
			a.do(w, rnd)
			break
		}
	}
	w.wait()
	var d int64
	switch rnd.IntN(10) {
	case 0, 1, 2:
		d = int64(10 * time.Millisecond)
	case 3:
		d = int64(300 * time.Millisecond)
	case 4:
		d = int64(3 * time.Second)
	default:
		return
	}
	w.sleep(time.Duration(rnd.Int64N(d)))
}

// wait waits until nothing moves any more.
func (w *world) wait() {
	synctest.Wait()
	for _, in := range w.instances {
		in.tails.note(in.broker.position())
	}
}

// actions are what may happen, and how often.
var actions = []struct {
	weight int
	do     func(*world, *rand.Rand)
}{
	{3000, (*world).post},
	{1000, (*world).change},
	{1200, (*world).changeMember},
	{100, (*world).deleteChat},
	{200, (*world).endSession},
	{40, (*world).disableUser},
	{400, (*world).renewSession},
	{2000, (*world).connect},
	{600, (*world).cut},
	{600, (*world).narrow},
	{400, (*world).widen},
	{800, (*world).forge},
	{200, (*world).busDown},
	{300, (*world).busUp},
	{400, (*world).storm},
	{600, (*world).calm},
	{150, (*world).restart},
	{60, (*world).jump},
	{60, (*world).failOver},
	{2, (*world).flood},
}

var total = func() (sum int) {
	for _, a := range actions {
		sum += a.weight
	}
	return sum
}()

func pick[T any](rnd *rand.Rand, of []T) T { return of[rnd.IntN(len(of))] }

// commit commits events, and tells the instance that did.
func (w *world) commit(rnd *rand.Rand, events ...chat.Event) {
	w.tell(rnd, w.log.commit(events...))
}

// tell tells an instance that something was committed: as a rule.
func (w *world) tell(rnd *rand.Rand, committed []chat.Event) {
	in := pick(rnd, w.instances)
	told := []string{"", "", "", "", "", "", "", "twice", "late", "never"}[rnd.IntN(10)]
	if w.unpolled && told != "twice" {
		told = ""
	}
	w.note("instance %d commits %s %s", in.index, listed(committed), told)
	switch told {
	case "never":
	case "late":
		b := in.broker
		time.AfterFunc(time.Duration(rnd.Int64N(int64(100*time.Millisecond))), func() { b.Committed(committed) })
	case "twice":
		in.broker.Committed(committed)
		fallthrough
	default:
		in.broker.Committed(committed)
	}
}

// listed is a batch as it stands in a trace.
type listed []chat.Event

func (es listed) String() string {
	var b strings.Builder
	for _, e := range es {
		about := ""
		if e.Message != nil && e.Message.ID != e.Pos {
			about = fmt.Sprintf(" of %d", e.Message.ID)
		}
		fmt.Fprintf(&b, "[%d %s%s %s%s%s]", e.Pos, e.Kind, about, e.Chat, strings.TrimRight(" "+e.Username, " "), strings.TrimRight(" "+e.Session, " "))
	}
	return b.String()
}

func (w *world) post(rnd *rand.Rand) {
	var events []chat.Event
	for range 1 + rnd.IntN(3) {
		if c := pick(rnd, w.chats); !w.deleted[c] {
			events = append(events, w.says(c, pick(rnd, w.users), []string{"", "", "tab"}[rnd.IntN(3)]))
		}
	}
	if len(events) > 0 {
		w.commit(rnd, events...)
	}
}

func (w *world) says(chatID, author, origin string) chat.Event {
	w.texts++
	e := says(chatID, author, strconv.Itoa(w.texts))
	e.Origin = origin
	return e
}

// change has one of the newest messages edited or deleted, a message being posted beside it at
// times.
func (w *world) change(rnd *rand.Rand) {
	var found []chat.Message
	for _, e := range slices.Backward(w.log.events) {
		if e.Kind == chat.KindMessage && !w.deleted[e.Chat] && !w.log.texts[e.Message.ID].Deleted {
			found = append(found, *w.log.texts[e.Message.ID])
		}
		if len(found) == 6 {
			break
		}
	}
	which, deletes, beside := rnd.IntN(6), rnd.IntN(3) == 0, rnd.IntN(3) == 0
	if len(found) == 0 {
		return
	}
	m := found[which%len(found)]
	e := chat.Event{Kind: chat.KindMessageEdited, Chat: m.Chat, Message: &m}
	if deletes {
		e.Kind, m.Text, m.Deleted = chat.KindMessageDeleted, "", true
	} else {
		w.texts++
		m.Text = strconv.Itoa(w.texts)
	}
	events := []chat.Event{e}
	if beside {
		events = append(events, w.says(m.Chat, w.users[0], ""))
	}
	w.commit(rnd, events...)
}

func (w *world) isMember(chatID, user string) bool {
	ivs := w.log.intervals(user)[chatID]
	return len(ivs) > 0 && ivs[len(ivs)-1].left == 0
}

// changeMember has a user join or leave a chat, with a message before and behind it in the
// same batch at times.
func (w *world) changeMember(rnd *rand.Rand) {
	c, u := pick(rnd, w.chats), pick(rnd, w.users)
	before, behind := rnd.IntN(2) == 0, rnd.IntN(2) == 0
	if w.deleted[c] {
		return
	}
	var events []chat.Event
	if before {
		events = append(events, w.says(c, w.users[0], ""))
	}
	if w.isMember(c, u) {
		events = append(events, leaves(c, u))
	} else {
		events = append(events, joins(c, u))
	}
	if behind {
		events = append(events, w.says(c, w.users[0], ""))
	}
	w.commit(rnd, events...)
}

func (w *world) deleteChat(rnd *rand.Rand) {
	if c := pick(rnd, w.chats); !w.deleted[c] {
		w.deleted[c] = true
		w.commit(rnd, deletes(c))
	}
}

func (w *world) endSession(rnd *rand.Rand) {
	rd := pick(rnd, w.readers)
	if w.live(rd) {
		w.commit(rnd, endsSession(rd.user, rd.session), w.says(w.chats[0], w.users[0], ""))
	}
}

func (w *world) disableUser(rnd *rand.Rand) {
	u := pick(rnd, w.users[1:])
	if !w.disabled[u] {
		w.disabled[u] = true
		w.commit(rnd, chat.Event{Kind: chat.KindUserDisabled, Username: u})
	}
}

// live says whether the reader has a session.
func (w *world) live(rd *simReader) bool {
	s := w.log.sessions[rd.session]
	return s != nil && !s.over && s.until(time.Now()).After(time.Now())
}

// renewSession renews the session of a reader, and tells an instance.
func (w *world) renewSession(rnd *rand.Rand) {
	rd, in := pick(rnd, w.readers), pick(rnd, w.instances)
	if !w.live(rd) {
		return
	}
	until := w.log.sessions[rd.session].until(time.Now()).Add(time.Duration(1+rnd.IntN(60)) * time.Second)
	w.note("instance %d renews %s until %v", in.index, rd.session, until.Sub(w.began))
	w.log.renew(rd.user, rd.session, until)
	in.broker.Renewed(rd.user, rd.session)
}

// connect has a reader connect that has no stream.
func (w *world) connect(rnd *rand.Rand) {
	rd, in := pick(rnd, w.readers), pick(rnd, w.instances)
	life := time.Duration(6+rnd.IntN(600)) * time.Second
	from := rd.held
	switch {
	case from == "":
		from = pick(rnd, []string{"now", "earliest", "0", "3", strconv.FormatInt(rnd.Int64N(w.log.head()+1), 10)})
	case rnd.IntN(20) == 0:
		from = pick(rnd, []string{"x", "999999999", "-1", strconv.FormatInt(w.log.head()+1, 10)})
	}
	var limit int64
	if rnd.IntN(10) == 0 {
		limit = 1 + rnd.Int64N(4)
	}
	w.open(rd, in, from, life, limit, rnd.IntN(2))
}

// open opens a stream, where the reader has none and may.
func (w *world) open(rd *simReader, in *simInstance, from string, life time.Duration, limit int64, protoMinor int) {
	if rd.stream != nil && rd.stream.open() || w.disabled[rd.user] || rd.chat != "" && !w.isMember(rd.chat, rd.user) {
		return
	}
	w.leave(rd)
	if rd.held != "" && from == "now" {
		from = rd.held
	}
	if !w.live(rd) {
		w.sessions++
		rd.session = fmt.Sprintf("s%d-%s", w.sessions, rd.user)
		w.log.renew(rd.user, rd.session, time.Now().Add(life))
	}
	now := time.Now()
	until := w.log.sessions[rd.session].until(now)
	actor := chat.Actor{Username: rd.user, Session: rd.session, Issued: chat.NewTime(now), Expires: chat.NewTime(until)}
	ctx, cancel := context.WithCancel(context.Background())
	s := &simStream{
		world: w, instance: in, broker: in.broker, tails: in.tails, database: in.database, wanted: from, known: w.log.head(), asked: now, hangUp: cancel,
		notice: min(maxNotice, actor.Expires.Time().Sub(actor.Issued.Time())/2), header: make(http.Header), room: plenty, roomier: make(chan struct{}),
		start: Start{
			Actor: actor, Chat: rd.chat, LastEventID: from, Origin: rd.origin, Limit: limit,
		},
	}
	if from == "now" || from == "earliest" {
		s.start.LastEventID, s.start.After = "", from
	}
	w.note("%s of %s follows %q from %s on instance %d, limit %d", rd.session, rd.user, rd.chat, from, in.index, limit)
	rd.stream = s
	w.streams = append(w.streams, s)
	ctx = context.WithValue(ctx, connKey{}, hijacker(s))
	r := (&http.Request{Method: "GET", ProtoMajor: 1, ProtoMinor: protoMinor}).WithContext(ctx)
	go s.serve(r)
}

// leave takes from a reader's last stream, if it is over, the id that the client holds.
func (w *world) leave(rd *simReader) {
	if rd.stream != nil {
		if held := rd.stream.held(); held != "" {
			rd.held = held
		}
	}
}

// cut cuts a reader's connection; what was sent last is lost on the way.
func (w *world) cut(rnd *rand.Rand) {
	rd := pick(rnd, w.readers)
	if rd.stream != nil && rd.stream.open() {
		lost := max(0, rnd.IntN(8)-4)
		w.note("%s is cut, and loses %d blocks", rd.session, lost)
		rd.stream.cut(lost)
	}
}

// narrow makes a reader's socket nearly full.
func (w *world) narrow(rnd *rand.Rand) {
	rd := pick(rnd, w.readers)
	if rd.stream != nil && rd.stream.open() {
		room := rnd.IntN(400) * rnd.IntN(2)
		w.note("the socket of %s takes %d bytes", rd.session, room)
		rd.stream.give(room)
	}
}

// widen gives the sockets of some readers room again.
func (w *world) widen(rnd *rand.Rand) {
	for _, rd := range w.readers {
		if rd.stream != nil && rnd.IntN(2) == 0 {
			rd.stream.give(plenty)
		}
	}
	w.note("sockets have room")
}

// forge sends an instance what nobody of the service sent, or sent like this.
func (w *world) forge(rnd *rand.Rand) {
	end := pick(rnd, w.bus.ends)
	head := w.log.head()
	var message []byte
	what := rnd.IntN(7)
	if w.unpolled {
		what = max(what, 2)
	}
	switch what {
	case 0:
		message = appendHead(nil, head+1+rnd.Int64N(5))
	case 1:
		message = appendHead(nil, head+1+rnd.Int64N(chat.MaxPosition/2))
	case 2:
		message = []byte(pick(rnd, []string{"x", "[]", "[{}]", "{}", "-5", "9999999999999999999", "null", `[{"pos":0}]`, "\x00", ""}))
	case 3:
		end.push(nil)
		w.note("the bus of instance %d says that it lost something", end.index)
		return
	case 4:
		rd := pick(rnd, w.readers)
		message = encode(busObject{Signals: []Signal{{Kind: SignalRenewed, Username: rd.user, Session: rd.session}, {Kind: "new"}}})
	case 5:
		if end.limit >= minBatch { // what it carries is sealed
			return
		}
		message, _ = appendBatch(nil, []chat.Event{{Pos: head + 1, Kind: chat.KindMemberJoined, Chat: w.chats[0], Seq: 99, Username: "eve"}}, 1<<20)
	default:
		events := w.log.events
		first := rnd.IntN(len(events))
		events = events[first : first+1+rnd.IntN(len(events)-first)]
		message, _ = appendBatch(nil, events[:min(len(events), 8)], 1<<20)
		if parsed, err := parseHint(message); err != nil || parsed.events == nil {
			return
		}
	}
	w.note("instance %d is sent %.80q", end.index, string(message))
	end.push(message)
}

func (w *world) busDown(*rand.Rand) {
	w.note("the bus goes down")
	w.bus.set(true, false)
}

func (w *world) busUp(*rand.Rand) {
	w.note("the bus is up")
	w.bus.set(false, false)
}

// storm makes a database fail, or answer late and with less than it could.
func (w *world) storm(rnd *rand.Rand) {
	in, weather := pick(rnd, w.instances), pick(rnd, []weather{shaky, shaky, broken})
	w.note("the database of instance %d is at %d", in.index, weather)
	in.database.setWeather(weather)
}

func (w *world) calm(rnd *rand.Rand) {
	in := pick(rnd, w.instances)
	w.note("the database of instance %d is fine", in.index)
	in.database.setWeather(fine)
}

// restart ends an instance and starts it anew.
func (w *world) restart(rnd *rand.Rand) {
	in := pick(rnd, w.instances)
	w.note("instance %d restarts", in.index)
	w.end(in)
	w.start(in)
}

// jump leaves out positions of the log.
func (w *world) jump(rnd *rand.Rand) {
	w.commit(rnd, chat.Event{Kind: chat.KindJump, Pos: w.log.head() + 2 + rnd.Int64N(20)})
}

// failOver loses the newest part of the log.
func (w *world) failOver(rnd *rand.Rand) {
	events := w.log.events
	kept := events[:len(events)-rnd.IntN(max(1, min(8, len(events)-8)))]
	before, pos := kept[len(kept)-1].Pos, w.log.head()+2+rnd.Int64N(20)
	for _, e := range events[len(kept):] {
		switch e.Kind {
		case chat.KindChatDeleted:
			w.deleted[e.Chat] = false
		case chat.KindUserDisabled:
			w.disabled[e.Username] = false
		}
	}
	w.note("the log loses what is behind %d", before)
	w.tell(rnd, w.log.failOver(before, pos))
}

// flood commits more than is read of the log at once.
func (w *world) flood(rnd *rand.Rand) {
	c := w.chats[0]
	if w.deleted[c] {
		return
	}
	var events []chat.Event
	for range segmentEvents + rnd.IntN(2*tailPage) {
		events = append(events, w.says(c, w.users[0], ""))
	}
	committed := w.log.commit(events...)
	in := pick(rnd, w.instances)
	w.note("instance %d commits %d messages in %s", in.index, len(committed), c)
	for batch := range slices.Chunk(committed, 128) {
		in.broker.Committed(batch)
	}
}

// settle heals everything and has every reader connected that may be.
func (w *world) settle() {
	w.note("all is well again")
	w.bus.set(false, true)
	for _, in := range w.instances {
		in.database.setWeather(fine)
	}
	for range 2 {
		for i, rd := range w.readers {
			if rd.stream != nil && rd.stream.open() {
				rd.stream.give(plenty)
			}
			if w.live(rd) {
				w.log.renew(rd.user, rd.session, time.Now().Add(10*time.Minute))
			}
			w.open(rd, w.instances[i%len(w.instances)], "now", 10*time.Minute, 0, i%2)
		}
		w.sleep(5 * time.Second)
	}
	head := w.log.head()
	for _, in := range w.instances {
		if pos := in.broker.position(); pos != head {
			w.fault("the tail of instance %d is at %d, the head at %d", in.index, pos, head)
		}
	}
	w.last()
}

// last posts to every chat once more, which all instances have to hear of at once.
func (w *world) last() {
	for _, c := range w.chats {
		if !w.deleted[c] {
			w.instances[0].broker.Committed(w.log.commit(w.says(c, w.users[0], "")))
		}
	}
	w.sleep(20 * time.Millisecond)
}

func (w *world) sleep(d time.Duration) {
	time.Sleep(d)
	w.wait()
}

// checkStreams checks every stream that there was.
func (w *world) checkStreams() {
	for i, s := range w.streams {
		if err := s.check(); err != nil {
			w.fault("stream %d, %s of %s over %q from %q on instance %d, opened at %d:\n\t%v",
				i, s.start.Actor.Session, s.start.Actor.Username, s.start.Chat, s.wanted, s.instance.index, s.opened, err)
		}
	}
}
