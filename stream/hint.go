package stream

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"parley/chat"
)

// A message on the bus is one of four, which the first byte and the members tell apart:
//
//	4711                      the log has reached this position
//	[{"pos":4711, …}, …]      a batch that was committed, as a JSON array of events
//	{"from":"…","head":4711}  a beat: this instance is there, and the log has reached this position
//	{"signals":[…]}           signals
//
// Instances of two releases may share a bus: what is not understood is ignored.

// minBatch is the least [Bus.Limit] with which batches are sent.
const minBatch = 1 << 12

// hint is what a message on the bus says. Of a beat from and head are set, of all others one
// field.
type hint struct {
	from    string
	head    int64
	events  []chat.Event
	signals []Signal
}

// hintedEvent is an event in a batch on the bus.
type hintedEvent struct {
	Pos        int64           `json:"pos"`
	Kind       chat.Kind       `json:"kind"`
	Chat       string          `json:"chat,omitzero"`
	Seq        int64           `json:"seq,omitzero"`
	Message    jsontext.Value  `json:"message,omitzero"`
	Origin     string          `json:"origin,omitzero"`
	Username   string          `json:"username,omitzero"`
	Role       chat.Role       `json:"role,omitzero"`
	Title      string          `json:"title,omitzero"`
	Visibility chat.Visibility `json:"visibility,omitzero"`
	Session    string          `json:"session,omitzero"`
}

// busObject is a beat or signals.
type busObject struct {
	From    string   `json:"from,omitzero"`
	Head    int64    `json:"head,omitzero"`
	Signals []Signal `json:"signals,omitzero"`
}

// errMalformed is of a message that is no hint.
var errMalformed = errors.New("the message is no hint")

func appendHead(b []byte, pos int64) []byte { return strconv.AppendInt(b, pos, 10) }

// appendBatch appends a batch's message. fits is false, and what was appended is of no
// use, where it has more than limit bytes, or events that are not sent: a jump is only
// read from the log.
func appendBatch(b []byte, events []chat.Event, limit int) (_ []byte, fits bool) {
	b = append(b, '[')
	for i, e := range events {
		if e.Kind == chat.KindJump {
			return b, false
		}
		if i > 0 {
			b = append(b, ',')
		}
		he := hintedEvent{
			Pos: e.Pos, Kind: e.Kind, Chat: e.Chat, Seq: e.Seq, Origin: e.Origin, Username: e.Username,
			Role: e.Role, Title: e.Title, Visibility: e.Visibility, Session: e.Session,
		}
		if e.Message != nil {
			he.Message = e.Encoded.Load()
			if he.Message == nil || e.Message.Seq != e.Seq {
				he.Message = encode(*e.Message)
			}
		}
		if b = append(b, encode(he)...); len(b) >= limit {
			return b, false
		}
	}
	return append(b, ']'), true
}

// parseHint reads a message from the bus.
func parseHint(message []byte) (h hint, err error) {
	switch {
	case len(message) == 0:
		return h, errMalformed
	case message[0] == '[':
		h.events, err = parseBatch(message)
	case message[0] == '{':
		var o busObject
		err = json.Unmarshal(message, &o)
		h.signals = o.Signals
		if o.From != "" {
			h.from, h.head = o.From, o.Head
		}
	case len(message) > maxDigits:
		err = errMalformed
	default:
		if h.head, err = strconv.ParseInt(string(message), 10, 64); err == nil && h.head < 0 {
			err = errMalformed
		}
	}
	return h, err
}

// maxDigits is how long a cursor may be, and so a position.
const maxDigits = 18

// parseBatch reads a batch: events whose positions follow each other.
func parseBatch(message []byte) ([]chat.Event, error) {
	var hinted []hintedEvent
	if err := json.Unmarshal(message, &hinted); err != nil {
		return nil, err
	}
	if len(hinted) == 0 {
		return nil, errMalformed
	}
	events := make([]chat.Event, len(hinted))
	for i, he := range hinted {
		if he.Pos < 1 || he.Pos != hinted[0].Pos+int64(i) || he.Kind.IsOfMessage() != (he.Message != nil) {
			return nil, errMalformed
		}
		e := chat.Event{
			Pos: he.Pos, Kind: he.Kind, Chat: he.Chat, Seq: he.Seq, Origin: he.Origin, Username: he.Username,
			Role: he.Role, Title: he.Title, Visibility: he.Visibility, Session: he.Session,
		}
		if he.Message != nil {
			e.Message = new(chat.Message)
			if err := json.Unmarshal(he.Message, e.Message); err != nil {
				return nil, fmt.Errorf("reading a message: %w", err)
			}
			if e.Message.Seq == e.Seq {
				e.Encoded = new(chat.Encoded)
				e.Encoded.Share(he.Message)
			}
		}
		events[i] = e
	}
	return events, nil
}
