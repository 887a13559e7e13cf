package stream

import (
	"strings"
	"testing"

	"parley/chat"
)

func TestAnEditReachesWhatMemoryHolds(t *testing.T) {
	inHouse(t, Options{}, func(h *house) {
		live := h.open(Start{Actor: ann(), Chat: "lobby"}) // keeps the room
		committed := h.commit(says("lobby", "bob", "SECRET"), says("lobby", "bob", "between"))
		h.commit(edits("lobby", committed[0].Message.ID, "open"))
		events, _ := h.page(Start{Chat: "lobby", After: "2"}, 0)
		expect(t, "from memory", events, "open between "+string(chat.KindMessageEdited))
		if told := live.text(); strings.Count(told, `"text":"open"`) != 1 {
			t.Errorf("live is %s", told)
		}
	})
}
