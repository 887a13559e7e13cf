package stream

import (
	"fmt"
	"testing"

	"parley/chat"
)

func TestWhatHappensToAMessageIsReadFromTheBus(t *testing.T) {
	m := chat.Message{ID: 5, Seq: 3, Chat: "lobby", Author: "bob", Text: "x"}
	for _, kind := range []chat.Kind{chat.KindMessage, chat.KindMessageEdited, chat.KindMessageDeleted, chat.KindReaction} {
		sent := []chat.Event{{Pos: 7, Kind: kind, Chat: "lobby", Seq: 4, Message: &m}}
		text, _ := appendBatch(nil, sent, 1<<16)
		h, err := parseHint(text)
		if err != nil || len(h.events) != 1 || h.events[0].Kind != kind || h.events[0].Message == nil || h.events[0].Message.Text != "x" {
			t.Errorf("%s: %+v, %v", kind, h.events, err)
		}
		bare := fmt.Sprintf(`[{"pos":3,"kind":%q,"chat":"lobby","seq":3}]`, kind)
		if _, err := parseHint([]byte(bare)); err == nil {
			t.Errorf("%s is taken without a message", kind)
		}
	}
}
