package chat

import "strconv"

// maxDigits is how many digits a position has at the most: as many as always fit
// an int64.
const maxDigits = 18

// MaxPosition is at or behind every position that a log can have: 18 digits.
const MaxPosition = 999_999_999_999_999_999

// ParsePosition reads a position as clients write it, in a cursor or as the id of
// a message: 1 to 18 digits and nothing else. 0 is the place before the log's first
// event.
func ParsePosition(s string) (int64, bool) {
	if len(s) > maxDigits {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 63)
	return int64(n), err == nil
}
