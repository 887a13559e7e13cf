package stream

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"parley/chat"
)

// Framing is how a stream's frames are put on the wire.
type Framing int

const (
	// SSE is text/event-stream: WHATWG HTML, section 9.2, "Server-sent events".
	SSE Framing = iota
	// NDJSON is one object {"event", "id", "data"} a line.
	NDJSON
	// Text is "author: text" a line, and of messages alone.
	Text

	framings
)

// mediaType is the response's Content-Type.
func (fr Framing) mediaType() string {
	return [framings]string{"text/event-stream", "application/x-ndjson", "text/plain; charset=utf-8"}[fr]
}

// appendFrame appends a frame with a name and data; an id below 0 is none. Text shows
// none but messages.
func (fr Framing) appendFrame(dst []byte, name string, data any, id int64) []byte {
	if fr == Text {
		return dst
	}
	return fr.appendEncoded(dst, name, encode(data), id)
}

// appendEncoded appends a frame whose data is JSON already, in a framing that has a
// place for it.
func (fr Framing) appendEncoded(dst []byte, name string, data []byte, id int64) []byte {
	if fr == NDJSON {
		return appendObject(dst, name, data, id)
	}
	if name == string(chat.KindMessage) {
		name = "" // what "message" is by default, and what onmessage hears
	}
	return appendBlock(dst, name, data, id)
}

// appendText appends a message as a line of text, and nothing for any other event, nor for
// a message that was deleted.
func appendText(dst []byte, e chat.Event) []byte {
	if e.Kind != chat.KindMessage || e.Message.Deleted {
		return dst
	}
	return appendLine(dst, *e.Message)
}

// shows says whether the framing shows events of a kind.
func (fr Framing) shows(k chat.Kind) bool { return fr != Text || k == chat.KindMessage }

// appendPlace appends what moves the place that the client resumes from, without
// an event. Only server-sent events have such a thing.
func (fr Framing) appendPlace(dst []byte, id int64) []byte {
	if fr != SSE {
		return dst
	}
	return appendPrime(dst, id)
}

// appendRetry appends after how many milliseconds a client shall reconnect, where
// the framing can say so; elsewhere a heartbeat, so that the client, and whatever
// is between, has something at once.
func (fr Framing) appendRetry(dst []byte, ms int64) []byte {
	if fr != SSE {
		return append(dst, '\n')
	}
	return appendRetry(dst, ms)
}

// appendPing appends a heartbeat.
func (fr Framing) appendPing(dst []byte, p ping) []byte {
	if fr != SSE {
		return append(dst, '\n')
	}
	return fr.appendFrame(dst, "ping", p, -1)
}

// ping is a heartbeat's data.
type ping struct {
	Now  chat.Time `json:"now"`
	Head int64     `json:"head"`
}

// appendObject appends one line of NDJSON.
func appendObject(dst []byte, name string, data []byte, id int64) []byte {
	dst = append(dst, `{"event":"`...)
	dst = append(dst, name...)
	dst = append(dst, '"')
	if id >= 0 {
		dst = append(dst, `,"id":`...)
		dst = strconv.AppendInt(dst, id, 10)
	}
	dst = append(dst, `,"data":`...)
	dst = append(dst, data...)
	return append(dst, "}\n"...)
}

// appendLine appends a message as a line of text. What a terminal would obey is
// escaped, so a line is one message and does nothing but show it.
func appendLine(dst []byte, m chat.Message) []byte {
	dst = append(dst, m.Author...)
	dst = append(dst, ": "...)
	if strings.ContainsFunc(m.Text, actsOnTerminal) {
		for _, r := range m.Text {
			switch {
			case r == '\n':
				dst = append(dst, `\n`...)
			case !actsOnTerminal(r):
				dst = append(dst, string(r)...)
			case r <= 0xff:
				dst = fmt.Appendf(dst, `\x%02x`, r)
			default:
				dst = fmt.Appendf(dst, `\u%04x`, r)
			}
		}
	} else {
		dst = append(dst, m.Text...)
	}
	return append(dst, '\n')
}

// actsOnTerminal says that a character does something other than stand in its line:
// controls, and Unicode's separators of lines and paragraphs.
func actsOnTerminal(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp)
}

// encode makes the one line of JSON that is an event's data. All line ends are
// escaped, so nothing in a text can forge a line of the stream.
func encode(data any) []byte {
	line, err := json.Marshal(data, jsontext.AllowInvalidUTF8(true))
	if err != nil {
		panic("stream: data without a JSON form: " + err.Error())
	}
	return chat.EscapeLineEnds(line)
}
