package chat

import (
	"strconv"
	"strings"
	"testing"
)

func TestAPositionIsOneToEighteenDigits(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "7": 7, "007": 7, strings.Repeat("0", 18): 0, strconv.Itoa(MaxPosition): MaxPosition,
	} {
		if got, ok := ParsePosition(text); !ok || got != want {
			t.Errorf("%q is %d, %v, and not %d", text, got, ok, want)
		}
	}
	for _, text := range []string{
		"", " ", " 1", "1 ", "1\n", "+1", "-1", "1_0", "0x1", "1.0", "1e3", "١", "now", "1,2",
		strconv.Itoa(MaxPosition + 1), strings.Repeat("0", 19),
	} {
		if got, ok := ParsePosition(text); ok || got != 0 {
			t.Errorf("%q is a position: %d, %v", text, got, ok)
		}
	}
}
