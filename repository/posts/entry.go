package posts

import (
	"slices"

	"parley/chat"
	"parley/repository/commitlog"
)

// Entry is something that an actor says in a chat or does to what was said, and its answer.
type Entry struct {
	Actor chat.Actor
	// Post is the message, where it is a new one. Of a change its Chat is set, and the Text
	// of an edit.
	chat.Post
	// Change is what is done to a message that is there; nil for a new one.
	Change *Change
	// Hash is by what a repeated message is compared with the first; empty without a
	// ClientID.
	Hash string
	// Facts are what the entry is decided by.
	Facts Facts
	// Pos and Seq are where the entry stands in the log and in its chat; 0 if it stores
	// nothing.
	Pos, Seq int64
	// Posted is the answer, and Told a changed message as all readers are shown it.
	Posted chat.Posted
	Told   chat.Message

	encoded chat.Encoded
	// suspect says that the entry was in a batch that repeated a key.
	suspect bool
}

// Facts are what the database knows of an entry.
type Facts struct {
	Permission
	// Stored is the message with the entry's key, where Repeated says that there is one;
	// StoredHash is its Hash.
	Repeated   bool
	Stored     chat.Message
	StoredHash string
	// ReplyIsHere says that the entry replies to a message of its own chat.
	ReplyIsHere bool
}

// Permission says whether an actor may write in a chat, and where the chat stands.
type Permission struct {
	// Cached says that the permission is remembered and need not be read.
	Cached bool
	// Live says that the session is the actor's own and has not ended, and that the actor
	// is not disabled.
	Live bool
	// Exists says that there is such a chat; Seq is the chat's latest.
	Exists bool
	Seq    int64
	// Visibility is the chat's, and Role the actor's in it.
	Visibility chat.Visibility
	Role       chat.Role
}

func (p Permission) standing() chat.Standing {
	return chat.Standing{Live: p.Live, Visibility: p.Visibility, Role: p.Role}
}

// Place is where a chat stands behind a batch: its seq, the position of its latest event,
// how many messages came and the newest of them, 0 if none came.
type Place struct{ Seq, Head, Messages, LastMessage int64 }

// HasKey says that the entry is to be stored once, however often it is posted.
func (e *Entry) HasKey() bool { return e.ClientID != "" }

// AsksKey says that it has to be read whether the entry's key is there already. The key
// of an author whose permission is cached is believed to be new: the index refuses a
// repeat, which is rare.
func (e *Entry) AsksKey() bool { return e.HasKey() && (!e.Facts.Cached || e.suspect) }

// BelievesKeys says whether a key among the entries is believed to be new.
func BelievesKeys(entries []*Entry) bool {
	return slices.ContainsFunc(entries, func(e *Entry) bool { return e.HasKey() && !e.AsksKey() })
}

// IsReply says that the entry names another one.
func (e *Entry) IsReply() bool { return e.ReplyTo != 0 }

// event is what readers are told of the entry, if it stores anything.
func (e *Entry) event() (chat.Event, bool) {
	switch {
	case e.Pos == 0:
		return chat.Event{}, false
	case e.IsChange():
		return chat.Event{Pos: e.Pos, Kind: e.Change.Kind, Chat: e.Chat, Seq: e.Seq, Message: &e.Told}, true
	}
	return chat.Event{
		Pos: e.Pos, Kind: chat.KindMessage, Chat: e.Chat, Seq: e.Seq,
		Message: &e.Posted.Message, Encoded: &e.encoded, Origin: e.Origin,
	}, true
}

// IsCached says that the entry's permission need not be read.
func (e *Entry) IsCached() bool { return e.Facts.Cached }

// key is what makes a ClientID unique.
type key struct{ chat, author, client string }

func (e *Entry) key() key { return key{e.Chat, e.Actor.Username, e.ClientID} }

// Request is an entry in its lane.
type Request = commitlog.Request[*Entry]

// Repeats notes the message that is stored with the entry's key: what is given of it,
// and chat, author and key, which are the entry's own.
func (e *Entry) Repeats(stored chat.Message, hash string) {
	stored.Chat, stored.Author, stored.ClientID = e.Chat, e.Actor.Username, e.ClientID
	e.Facts.Repeated, e.Facts.Stored, e.Facts.StoredHash = true, stored, hash
}
