package client

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"

	"parley/chat"
)

// Names of events that are not rows of the log.
const (
	// Ready says that everything that the log held when the stream was opened has
	// been given; what follows is live. It comes once for each connection.
	Ready chat.Kind = "ready"
	// Reset says that the place to go on from is gone (retention has passed it) or
	// never was: list again what you show. The sequence goes on from Cursor.
	Reset chat.Kind = "reset"
)

// Event is what a followed stream tells.
type Event struct {
	// ID is the event's position in the log. It grows from event to event. It is 0
	// for what is not in the log: [Ready], [Reset], and signals.
	ID int64
	// Name is a chat.Kind, chat.NameChatJoined, chat.NameChatLeft, [Ready],
	// [Reset], or one that this package does not know yet.
	Name chat.Kind
	// Cursor is the place behind this event. It is empty only before the service
	// has named the first.
	Cursor Cursor

	// Chat and Seq say which chat, and which of its events, a row of the log is.
	Chat string
	Seq  int64
	// Message is set for the kinds that are about one message.
	Message *chat.Message
	// Member is set for member.joined, member.updated and member.left.
	Member *chat.MemberChange
	// Update is set for chat.updated.
	Update *chat.ChatUpdate
	// Reason is why the place was lost (Reset): "expired", "ahead", "malformed".
	Reason string

	// Data is the JSON as it came.
	Data []byte
}

// Durable says that the event is a row of the log.
func (e Event) Durable() bool { return e.ID > 0 }

// errBadEvent is the kind of an event that does not keep to the contract.
// Going on would mean to leave it out in silence, so it ends the sequence.
var errBadEvent = errors.New("malformed event")

// newEvent decodes the data of an event by its name. id is 0 for what is not in
// the log.
func newEvent(id int64, name chat.Kind, data []byte) (Event, error) {
	e := Event{ID: id, Name: name, Data: data}
	if err := e.decode(); err != nil {
		return Event{}, fmt.Errorf("%w: %s %d: %w", errBadEvent, name, id, err)
	}
	return e, nil
}

func (e *Event) decode() error {
	if e.Durable() {
		var ref chat.ChatRef
		if err := json.Unmarshal(e.Data, &ref); err != nil {
			return err
		}
		e.Chat, e.Seq = ref.Chat, ref.Seq
	}
	switch e.Name {
	case chat.KindMessage, chat.KindMessageEdited, chat.KindMessageDeleted, chat.KindReaction:
		e.Message = new(chat.Message)
		if err := json.Unmarshal(e.Data, e.Message); err != nil {
			return err
		}
		if e.ID > e.Message.ID {
			e.Message.Changed = e.ID
		}
		return nil
	case chat.KindMemberJoined, chat.KindMemberUpdated, chat.KindMemberLeft:
		e.Member = new(chat.MemberChange)
		return json.Unmarshal(e.Data, e.Member)
	case chat.KindChatUpdated:
		e.Update = new(chat.ChatUpdate)
		return json.Unmarshal(e.Data, e.Update)
	}
	return nil
}
