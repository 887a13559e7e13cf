package stream

import (
	"bytes"
	"strconv"
	"sync/atomic"

	"parley/chat"
)

// frame is an event as streams show it, encoded once for each framing and shared
// by every reader. What it says never changes.
type frame struct {
	event chat.Event
	// who is the message's author, or the user whose membership changed.
	who string

	// json is the event's data, wires what every reader is shown. ownWires is what a stream
	// over all chats is shown instead of its user's own joining or leaving. All are made
	// when they are first needed; encoded is how many bytes they take.
	json            atomic.Pointer[[]byte]
	wires, ownWires [framings]atomic.Pointer[wire]
	encoded         atomic.Int64

	// tally is where the frame is counted, counted for how many bytes; the broker's
	// mutex guards them.
	tally   *tally
	counted int
}

// newFrame makes the frame of an event that belongs to a chat.
func newFrame(e chat.Event) *frame {
	f := &frame{event: e, who: e.Username}
	if e.Kind == chat.KindMessage {
		f.who = e.Message.Author
	}
	return f
}

// data is the event's JSON, made once for all framings.
func (f *frame) data() []byte {
	if d := f.json.Load(); d != nil {
		return *d
	}
	d := encode(f.event.Data())
	if f.json.CompareAndSwap(nil, &d) {
		f.encoded.Add(int64(cap(d)) + pointerOverhead)
	}
	return d
}

// wire is the frame as every reader is shown it, empty where the framing does not
// show it; made says that it was not encoded before.
func (f *frame) wire(fr Framing) (w wire, made bool) {
	return f.once(&f.wires[fr], func() wire {
		if fr == Text {
			return newWire(appendText(nil, f.event))
		}
		data, encoded := f.json.Load(), []byte(nil)
		if data == nil {
			encoded = encode(f.event.Data())
			data = &encoded
		}
		w := newWire(fr.appendEncoded(nil, string(f.event.Kind), *data, f.event.Pos))
		if encoded != nil {
			// The data stands in the wire; it is not kept a second time.
			at := bytes.Index(w, encoded)
			end := at + len(encoded)
			within := []byte(w[at:end:end])
			f.json.CompareAndSwap(nil, &within)
		}
		return w
	})
}

// own is the name and the data of a user's own joining or leaving on a stream over
// all chats.
func (f *frame) own() (name string, data []byte) {
	name = chat.NameChatJoined
	if f.event.Kind == chat.KindMemberLeft {
		name = chat.NameChatLeft
	}
	return name, encode(chat.ChatRef{Seq: f.event.Seq, Chat: f.event.Chat})
}

// ownWire is what a stream over all chats is shown of its user's own joining or
// leaving.
func (f *frame) ownWire(fr Framing) (w wire, made bool) {
	return f.once(&f.ownWires[fr], func() wire {
		if fr == Text {
			return nil
		}
		name, data := f.own()
		return newWire(fr.appendEncoded(nil, name, data, f.event.Pos))
	})
}

// once returns what stands at p, and makes it if nothing does. Two goroutines that
// make it at once make the same; one of them counts.
func (f *frame) once(p *atomic.Pointer[wire], encode func() wire) (w wire, made bool) {
	if w := p.Load(); w != nil {
		return *w, false
	}
	w = encode()
	if !p.CompareAndSwap(nil, &w) {
		return *p.Load(), false
	}
	f.encoded.Add(int64(cap(w)) + pointerOverhead)
	return w, true
}

// size is about what the frame costs memory, in bytes, with what was encoded of it so
// far.
func (f *frame) size() int {
	size := frameOverhead + int(f.encoded.Load())
	if f.event.Message != nil {
		size += messageOverhead + len(f.event.Message.Text)
	}
	return size
}

const (
	// frameOverhead is about what a frame takes without its message and what is encoded
	// of it: itself, its place in a room, its short texts.
	frameOverhead = 416
	// messageOverhead is about what a message takes beside its text.
	messageOverhead = 160
	// pointerOverhead is what takes up an encoded part beside its bytes.
	pointerOverhead = 32
)

// wire is a frame's bytes within an HTTP chunk of their own (RFC 9112, section
// 7.1), so that a frame is copied as it stands where there is chunked coding.
type wire []byte

func newWire(payload []byte) wire {
	if len(payload) == 0 {
		return nil
	}
	return appendChunk(make([]byte, 0, len(payload)+10), payload)
}

// piece is the frame as it is written, in its chunk or without.
func (w wire) piece(chunked bool) []byte {
	if chunked {
		return w
	}
	return w.payload()
}

// payload is the frame without its chunk.
func (w wire) payload() []byte {
	if len(w) == 0 {
		return nil
	}
	return w[bytes.IndexByte(w, '\n')+1 : len(w)-2]
}

// appendChunk appends payload, which is not empty, as an HTTP chunk.
func appendChunk(dst, payload []byte) []byte {
	dst = strconv.AppendInt(dst, int64(len(payload)), 16)
	dst = append(dst, "\r\n"...)
	dst = append(dst, payload...)
	return append(dst, "\r\n"...)
}

// lastChunk ends a chunked response.
const lastChunk = "0\r\n\r\n"
