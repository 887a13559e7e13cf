package chat

import "time"

// timeLayout is RFC 3339 with exactly three digits of a second's fraction.
const timeLayout = "2006-01-02T15:04:05.000Z07:00"

// Time is a moment in UTC, exact to the millisecond, which is what the store
// keeps and what the JSON form shows: "2006-01-02T15:04:05.000Z".
type Time struct{ t time.Time }

// NewTime cuts t to the millisecond.
func NewTime(t time.Time) Time { return Time{t.UTC().Truncate(time.Millisecond)} }

// TimeFromMilli is the moment ms milliseconds after the Unix epoch.
func TimeFromMilli(ms int64) Time { return Time{time.UnixMilli(ms).UTC()} }

// UnixMilli is the form in which a Time is stored.
func (t Time) UnixMilli() int64 { return t.t.UnixMilli() }

// Time is t for the standard library's clock arithmetic.
func (t Time) Time() time.Time { return t.t }

// IsZero says that t was never set.
func (t Time) IsZero() bool { return t.t.IsZero() }

// String is the JSON form without its quotes.
func (t Time) String() string { return t.t.Format(timeLayout) }

// MarshalText implements [encoding.TextMarshaler].
func (t Time) MarshalText() ([]byte, error) { return t.t.AppendFormat(nil, timeLayout), nil }

// UnmarshalText implements [encoding.TextUnmarshaler]. It takes any RFC 3339
// time.
func (t *Time) UnmarshalText(text []byte) error {
	parsed, err := time.Parse(time.RFC3339, string(text))
	if err != nil {
		return err
	}
	*t = NewTime(parsed)
	return nil
}
