package stream

import (
	"strings"
	"testing"
	"time"
)

// A long way back is read in parts with time for everybody else between them, on a chat's
// own stream and on the one over all chats. A short one is not held up.
func TestReadingFarBackLeavesTimeBetweenItsParts(t *testing.T) {
	const parts = 20
	for name, start := range map[string]Start{"of a chat": {Chat: "lobby"}, "over all chats": {}} {
		t.Run(name, func(t *testing.T) {
			inHouse(t, Options{RoomBytes: 1000}, func(h *house) {
				h.commit(joins("lobby", "ann"))
				h.commit(numbered(1, parts*segmentEvents)...)
				far, near := start, start
				far.After, near.After = "earliest", "5100"
				began := time.Now()
				short := h.open(near)
				if took := time.Since(began); took > 0 || !strings.HasSuffix(short.names(), " 5120 ready") {
					t.Errorf("a short way took %v, to %s", took, short.names())
				}
				long := h.open(far)
				for strings.Count(long.names(), " ") < parts*segmentEvents {
					h.sleep(readBackPace)
				}
				if took, least := time.Since(began), (parts-2)*readBackPace; took < least || took > 2*least {
					t.Errorf("%d parts took %v", parts, took)
				}
				short.cancel()
				long.cancel()
			})
		})
	}
}
