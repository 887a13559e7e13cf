package mistakes

// ReplayBeforeRegistering has a room begin where the reader's rights were read: what came
// between that and the subscription passes it by. On a quiet machine that is seldom
// anything, so the subscription is put off.
var ReplayBeforeRegistering = Mistake{Name: "replay before registering", Edits: []Edit{
	{"stream/position.go", "	rd.broker.enter(roomKey{chat: chatID}, sub)\n", "	rd.broker.memory.enter(roomKey{chat: chatID}, rd.opened, sub)\n"},
}, Under: []Edit{
	{"stream/open.go", "	chats = slices.Sorted(slices.Values(chats))\n", "	chats = slices.Sorted(slices.Values(chats))\n	time.Sleep(20 * time.Millisecond)\n"},
}}

// ReplayFromCursor replays the event at the cursor once more.
var ReplayFromCursor = Mistake{Name: "replay with >=", Edits: []Edit{
	{"stream/room.go", "frames[mid].event.Pos <= pos", "frames[mid].event.Pos < pos"},
}}

// DropWhenFull gives up what a full socket does not take.
var DropWhenFull = Mistake{Name: "drop when full", Edits: []Edit{
	{"stream/step.go", "			return i, \"\"\n", "			return len(frames), \"\"\n"},
	{"stream/step.go", "		case n == 0:\n", "		case n == 0:\n			_ = i\n"},
	{"stream/step.go", "			return i + 1, \"\"\n", "			return len(frames), \"\"\n"},
}}

// HintForEvent takes the word of the bus that the head has come so far for the events.
var HintForEvent = Mistake{Name: "a hint taken for an event", Edits: []Edit{
	{"stream/tail.go", "		err := t.readLog(ctx)\n", "		t.broker.apply(nil, max(t.hinted(), t.broker.position()), 0)\n		var err error\n"},
}}

// HoleForGone takes a batch above a hole for one that follows.
var HoleForGone = Mistake{Name: "a hole taken for nothing", Edits: []Edit{
	{"stream/tail.go", "		if batch[0].Pos > pos+1 {\n", "		if false {\n"},
	{"stream/tail.go", "			if e.Pos == pos+1 {\n", "			if e.Pos > pos {\n"},
}}

// LeftIgnored lets a chat's stream outlive its user's membership.
var LeftIgnored = Mistake{Name: "a removal that ends no stream", Edits: []Edit{
	{"stream/apply.go", "			if rd.start.Chat == e.Chat {\n", "			if false {\n"},
}}

// EndedIgnored lets a stream outlive its session.
var EndedIgnored = Mistake{Name: "a logout that ends no stream", Edits: []Edit{
	{"stream/apply.go", "			if rd.credential.endedBy(e) {\n", "			if false {\n"},
}}

// IDBeforeData puts a frame's id before what it stands for.
var IDBeforeData = Mistake{Name: "id before data", Edits: []Edit{
	{"stream/sse.go",
		"	dst = append(dst, \"data: \"...)\n	dst = append(dst, data...)\n	dst = append(dst, '\\n')\n	if id >= 0 {\n		dst = appendIDLine(dst, id)\n	}\n",
		"	if id >= 0 {\n		dst = appendIDLine(dst, id)\n	}\n	dst = append(dst, \"data: \"...)\n	dst = append(dst, data...)\n	dst = append(dst, '\\n')\n"},
}}

// ResetByTail gives up a place that is ahead of the tail of this instance alone.
var ResetByTail = Mistake{Name: "a place ahead of the tail taken for gone", Edits: []Edit{
	{"stream/open.go", "	rd.cursor, reset = rd.start.place(opening)\n", "	behind := opening\n	behind.Head = b.applied\n	rd.cursor, reset = rd.start.place(behind)\n"},
}}

// NilIgnored does not heed that notifications may have been lost. The next beat finds what
// they told of a second later, and the poll another second later, so these are put off.
var NilIgnored = Mistake{Name: "nil notification ignored", Edits: []Edit{
	{"stream/tail.go", "		t.lookAtLog(0)\n", ""},
}, Under: []Edit{
	{"stream/broker.go", "setDefault(&o.Poll, 2*time.Second)", "setDefault(&o.Poll, time.Hour)"},
	{"stream/publisher.go", "Head: p.broker.position()", "Head: 0"},
}}
