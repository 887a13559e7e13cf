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
	// who wrote the message, or whose membership changed.
	who string

	// wires is what everybody is shown; ownWires is what the one whose joining or
	// leaving this is is shown instead on his stream over all chats. Both are made
	// when somebody first needs them.
	wires, ownWires [framings]atomic.Pointer[wire]
}

// newFrame makes the frame of an event that belongs to a chat.
func newFrame(e chat.Event) *frame {
	f := &frame{event: e, who: e.Username}
	if e.Kind == chat.KindMessage {
		f.who = e.Message.Author
	}
	return f
}

// wire is the frame as everybody is shown it; empty where the framing does not
// show it.
func (f *frame) wire(fr Framing) wire {
	return made(&f.wires[fr], func() wire {
		return newWire(fr.appendFrame(nil, string(f.event.Kind), f.event.Data(), f.event.Pos))
	})
}

// own is the name and the data of one's own joining or leaving on one's stream over
// all chats.
func (f *frame) own() (name string, data chat.ChatRef) {
	name = chat.NameChatJoined
	if f.event.Kind == chat.KindMemberLeft {
		name = chat.NameChatLeft
	}
	return name, chat.ChatRef{Seq: f.event.Seq, Chat: f.event.Chat}
}

// ownWire is what the one whose joining or leaving the frame is is shown there.
func (f *frame) ownWire(fr Framing) wire {
	return made(&f.ownWires[fr], func() wire {
		name, data := f.own()
		return newWire(fr.appendFrame(nil, name, data, f.event.Pos))
	})
}

// made returns what stands at p, and makes it if nothing does. Two that make it at
// once make the same.
func made(p *atomic.Pointer[wire], make func() wire) wire {
	if w := p.Load(); w != nil {
		return *w
	}
	w := make()
	p.Store(&w)
	return w
}

// size is about what the frame costs a room's memory, in bytes: the text stands in
// it twice, as it was stored and encoded.
func (f *frame) size() int {
	size := frameOverhead
	if f.event.Message != nil {
		size += 2 * len(f.event.Message.Text)
	}
	return size
}

// frameOverhead is about what a frame takes beside its text.
const frameOverhead = 700

// wire is a frame's bytes within an HTTP chunk of their own (RFC 9112, section
// 7.1), so that a frame is copied as it stands where there is chunked coding.
type wire []byte

func newWire(payload []byte) wire {
	if len(payload) == 0 {
		return nil
	}
	return appendChunk(make([]byte, 0, len(payload)+10), payload)
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
