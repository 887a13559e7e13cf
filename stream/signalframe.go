package stream

import (
	"time"

	"parley/chat"
)

// A signal of a chat goes to the readers of the chat's room by rounds: a room passes on one
// signal of each kind a round, and a reader is given one frame of each kind a second,
// however many chats it follows and however many users signal. What waits meanwhile is
// bounded, and the latest about each user counts. Rooms and readers without signals hold
// nothing for them.

const (
	// framePace is the least time between two frames of one kind to a reader.
	framePace = time.Second
	// roundPace lies between two rounds of a room. It is a little longer, so that a round is
	// not early for the reader that the last one reached late.
	roundPace = framePace + framePace/20
	// maxEarly is how many signals wait for the tail to reach their positions.
	maxEarly = 64
)

// signalLane is the place of a kind of signals among what is kept for each kind.
type signalLane int

const signalLanes = 3

// lanes say of each kind how many signals wait in a room or at a reader, and for how long one
// is worth telling. More than a few of typing would be stale before their turn.
var lanes = [signalLanes]struct {
	kind  chat.SignalKind
	most  int
	fresh time.Duration
}{
	{chat.SignalTyping, 4, 4 * time.Second},
	{chat.SignalPresence, 32, time.Minute},
	{chat.SignalRead, 32, time.Minute},
}

// laneOf finds a kind's lane; a kind that is of no chat has none.
func laneOf(k chat.SignalKind) (lane signalLane, known bool) {
	for i := range lanes {
		if lanes[i].kind == k {
			return signalLane(i), true
		}
	}
	return 0, false
}

// signalFrame is a signal as streams show it, encoded once and shared by every reader. It
// never changes.
type signalFrame struct {
	Signal
	lane signalLane
	// until is when it is stale.
	until time.Time
	// wires are for each framing; the one of Text, which shows no signals, is empty.
	wires [framings]wire
}

func newSignalFrame(s Signal, lane signalLane, now time.Time) *signalFrame {
	f := &signalFrame{Signal: s, lane: lane, until: now.Add(lanes[lane].fresh)}
	data := encode(s.data())
	for _, fr := range []Framing{SSE, NDJSON} {
		f.wires[fr] = newWire(fr.appendEncoded(nil, string(s.Kind), data, -1))
	}
	return f
}

// data is the value that is the signal's JSON on a stream.
func (s *Signal) data() any {
	switch s.Kind {
	case chat.SignalTyping:
		return chat.Typing{Chat: s.Chat, Username: s.Username}
	case chat.SignalPresence:
		return chat.Presence{Chat: s.Chat, Username: s.Username, Present: s.Present}
	default:
		return chat.Read{Chat: s.Chat, Username: s.Username, ID: s.ID}
	}
}

// signalQueues hold the latest signals of each kind, the oldest first: one about each user
// in each chat.
type signalQueues [signalLanes][]*signalFrame

// put adds a signal, in the place of an older one about the same. Where there are too many,
// the oldest goes.
func (qs *signalQueues) put(f *signalFrame) {
	q := qs[f.lane]
	for i, waiting := range q {
		if waiting.key() == f.key() {
			q[i] = f
			return
		}
	}
	if len(q) == lanes[f.lane].most {
		q = append(q[:0], q[1:]...)
	}
	qs[f.lane] = append(q, f)
}

// first is the oldest signal of a lane that is not stale; nil is none. Stale ones before it
// go.
func (qs *signalQueues) first(lane signalLane, now time.Time) *signalFrame {
	for len(qs[lane]) > 0 {
		if f := qs[lane][0]; now.Before(f.until) {
			return f
		}
		qs.drop(lane)
	}
	return nil
}

// drop removes the oldest signal of a lane, of which there is one.
func (qs *signalQueues) drop(lane signalLane) {
	q := qs[lane]
	copy(q, q[1:])
	q[len(q)-1] = nil
	qs[lane] = q[:len(q)-1]
}

// forget removes the signals of a chat.
func (qs *signalQueues) forget(chatID string) {
	for lane := range signalLane(signalLanes) {
		qs.forgetIn(lane, chatID)
	}
}

// forgetIn removes the signals of a chat from one lane, and says whether there were any.
func (qs *signalQueues) forgetIn(lane signalLane, chatID string) bool {
	before, kept := len(qs[lane]), qs[lane][:0]
	for _, f := range qs[lane] {
		if f.Chat != chatID {
			kept = append(kept, f)
		}
	}
	clear(qs[lane][len(kept):])
	qs[lane] = kept
	return len(kept) < before
}

func (qs *signalQueues) empty() bool {
	for lane := range qs {
		if len(qs[lane]) > 0 {
			return false
		}
	}
	return true
}
