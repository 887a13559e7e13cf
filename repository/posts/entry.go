package posts

import (
	"slices"

	"parley/chat"
	"parley/repository/commitlog"
)

// Entry is something that an actor says in a chat, and its answer.
type Entry struct {
	Actor chat.Actor
	chat.Post
	// Hash is by what a repeated message is compared with the first; empty without a
	// ClientID.
	Hash string
	// Facts are what the entry is decided by.
	Facts Facts
	// Posted is the answer.
	Posted chat.Posted

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

// Place is where a chat stands behind a batch.
type Place struct{ Seq, Head int64 }

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

// IsCached says that the entry's permission need not be read.
func (e *Entry) IsCached() bool { return e.Facts.Cached }

// key is what makes a ClientID unique.
type key struct{ chat, author, client string }

func (e *Entry) key() key { return key{e.Chat, e.Actor.Username, e.ClientID} }

// Request is an entry in its lane.
type Request = commitlog.Request[*Entry]

// Repeats notes the message that is stored with the entry's key: what is given of it,
// and chat, author and key, which are the entry's own.
func (e *Entry) Repeats(stored chat.Message, created, replyTo int64, hash string) {
	stored.Chat, stored.Author, stored.ClientID = e.Chat, e.Actor.Username, e.ClientID
	stored.CreatedAt, stored.ReplyTo = chat.TimeFromMilli(created), replyTo
	e.Facts.Repeated, e.Facts.Stored, e.Facts.StoredHash = true, stored, hash
}
