package stream

import (
	"strings"
	"testing"

	"parley/chat"
)

// The author's answer and the frames share one JSON, whichever is made first.
func TestAFrameAndTheAnswerShareTheirJSON(t *testing.T) {
	event := func() chat.Event {
		return chat.Event{
			Pos: 7, Kind: chat.KindMessage, Chat: "den", Seq: 3, Encoded: new(chat.Encoded),
			Message: &chat.Message{ID: 7, Seq: 3, Chat: "den", Author: "ann", Text: "hello"},
		}
	}
	answered := event()
	answered.Encoded.Share([]byte(`{"made":"by the handler"}`))
	for _, fr := range []Framing{SSE, NDJSON} {
		w, made := newFrame(answered).wire(fr)
		if !made || !strings.Contains(string(w), `{"made":"by the handler"}`) {
			t.Errorf("framing %d encodes anew: %q", fr, w)
		}
	}
	framed := event()
	newFrame(framed).wire(SSE)
	if got := string(framed.Encoded.Load()); got != string(encode(framed.Data())) {
		t.Errorf("the handler is given %q", got)
	}
}
