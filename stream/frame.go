package stream

import (
	"bytes"
	"cmp"
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
	json            *chat.Encoded
	wires, ownWires [framings]atomic.Pointer[wire]
	encoded         atomic.Int64

	// tally is where the frame is counted, counted for how many bytes; the broker's
	// mutex guards them.
	tally   *tally
	counted int
}

// newFrame makes the frame of an event that belongs to a chat.
func newFrame(e chat.Event) *frame {
	f := &frame{event: e, who: e.Username, json: cmp.Or(e.Encoded, new(chat.Encoded))}
	if e.Kind == chat.KindMessage {
		f.who = e.Message.Author
	}
	return f
}

// data is the event's JSON, made once for all framings.
func (f *frame) data() []byte {
	if data := f.json.Load(); data != nil {
		return data
	}
	data := encode(f.event.Data())
	f.encoded.Add(int64(cap(data)) + pointerOverhead)
	return f.json.Share(data)
}

// wire is the frame as every reader is shown it, empty where the framing does not
// show it; made says that it was not encoded before.
func (f *frame) wire(fr Framing) (w wire, made bool) {
	var data []byte
	w, made = f.once(&f.wires[fr], func() wire {
		if fr == Text {
			return newWire(appendText(nil, f.event))
		}
		if data = f.json.Load(); data == nil {
			data = encode(f.event.Data())
		}
		return newWire(fr.appendEncoded(nil, string(f.event.Kind), data, f.event.Pos))
	})
	if made && data != nil {
		at := bytes.Index(w, data)
		end := at + len(data)
		f.json.Move(w[at:end:end])
	}
	return w, made
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
