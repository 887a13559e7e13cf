package stream

import (
	"strconv"
	"testing"

	"parley/chat"
)

func TestAPlaceThatALogJumpedOverIsGone(t *testing.T) {
	t.Parallel()
	o := chat.Opening{Head: 2030, Jumps: []chat.Jump{{Before: 0, Pos: 10}, {Before: 20, Pos: 1000}, {Before: 1015, Pos: 2000}}}
	for pos, gone := range map[int64]bool{
		0: false, 1: true, 9: true, 10: false, 20: false, 21: true, 999: true, 1000: false, 1015: false, 1016: true, 2000: false, 2030: false, 2031: true,
	} {
		for _, s := range []Start{{LastEventID: strconv.FormatInt(pos, 10)}, {After: strconv.FormatInt(pos, 10)}} {
			cursor, reset := s.place(o)
			if gone && (cursor != o.Head || reset != resetAhead) || !gone && (cursor != pos || reset != "") {
				t.Errorf("%d: the stream begins at %d with reset %q", pos, cursor, reset)
			}
		}
	}
	if cursor, reset := (&Start{After: "earliest"}).place(o); cursor != 0 || reset != "" {
		t.Errorf("earliest is %d %q", cursor, reset)
	}
}
