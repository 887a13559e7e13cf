package stream

import "parley/chat"

// frame is an event as a stream shows it, encoded once and shared by every
// reader. It is never changed.
type frame struct {
	pos  int64
	kind chat.Kind
	chat string
	// who wrote the message, or whose membership changed.
	who string
	// origin is the [chat.Post.Origin] of the message.
	origin string
	// wire is what everybody is shown.
	wire []byte
	// own is what the one whose joining or leaving this is is shown instead on his
	// stream over all chats; nil for other events.
	own []byte
}

// newFrame encodes an event that belongs to a chat.
func newFrame(e chat.Event) *frame {
	f := &frame{pos: e.Pos, kind: e.Kind, chat: e.Chat}
	name := string(e.Kind)
	switch e.Kind {
	case chat.KindMessage:
		name = ""
		f.who, f.origin = e.Message.Author, e.Origin
	case chat.KindMemberJoined:
		f.who = e.Username
		f.own = appendBlock(nil, chat.NameChatJoined, encode(chat.ChatRef{Seq: e.Seq, Chat: e.Chat}), e.Pos)
	case chat.KindMemberLeft:
		f.who = e.Username
		f.own = appendBlock(nil, chat.NameChatLeft, encode(chat.ChatRef{Seq: e.Seq, Chat: e.Chat}), e.Pos)
	case chat.KindMemberUpdated:
		f.who = e.Username
	}
	f.wire = appendBlock(nil, name, encode(e.Data()), e.Pos)
	return f
}

// size is what the frame costs a room's memory, in bytes.
func (f *frame) size() int { return frameOverhead + len(f.wire) + len(f.own) }

// frameOverhead is about what a frame takes beside its bytes.
const frameOverhead = 160
