package stream

import (
	"slices"

	"parley/chat"
)

// texts are messages as they are, by id.
type texts map[int64]*chat.Message

// textsOf are the messages as events leave them.
func textsOf(events []chat.Event) texts {
	ts := make(texts)
	for _, e := range events {
		ts.note(e)
	}
	return ts
}

// note takes what an event says.
func (ts texts) note(e chat.Event) {
	if e.Kind == chat.KindMessage || e.Kind.ReplacesText() {
		ts[e.Message.ID] = e.Message
	}
}

// read is events as a store answers them: each message as it is.
func (ts texts) read(events []chat.Event) []chat.Event {
	events = slices.Clone(events)
	for i, e := range events {
		if e.Message != nil && e.Message != ts[e.Message.ID] {
			events[i].Message, events[i].Encoded = ts[e.Message.ID], nil
		}
	}
	return events
}
