package history

import (
	"math"
	"slices"
)

// Row is an event of the log as the database holds it.
type Row struct {
	Pos      int64
	Kind     string
	Chat     string
	Seq      int64
	Username string
	Role     string
	Session  string
	// Message is set for a message's own event, and Of for what was done to one: the message
	// as it is in the end.
	Message, Of *Message
	// Version is what an edit or a deletion made of the message.
	Version int
	// Before is, of a jump, the position that it goes on behind.
	Before int64
}

// Log is what was read back when the run was over.
type Log struct {
	// Rows are all events, by position.
	Rows []Row
	// Pages are the histories that instances showed.
	Pages []Page
}

// Page is a chat's whole history as an instance shows it, oldest message first.
type Page struct {
	Chat     string
	Messages []Message
}

// about is the message that the row is about; nil for none.
func (row *Row) about() *Message {
	if row.Message != nil {
		return row.Message
	}
	return row.Of
}

// interval is a membership: both ends belong to it.
type interval struct{ from, to int64 }

// index is the log, ready to be asked.
type index struct {
	byPos    map[int64]*Row
	rows     []*Row // in order
	chats    map[string][]*Row
	members  map[string]map[string][]interval // by user and chat
	deleted  map[string]int64
	sessions map[string]int64 // where they ended
	edits    map[int64]int    // how many there are of a message
	gone     map[int64]int    // and how many deletions
	jumps    []*Row
}

// never is behind every position.
const never = math.MaxInt64

func newIndex(rows []Row) *index {
	x := &index{
		byPos: make(map[int64]*Row), chats: make(map[string][]*Row), deleted: make(map[string]int64),
		members: make(map[string]map[string][]interval), sessions: make(map[string]int64),
		edits: make(map[int64]int), gone: make(map[int64]int),
	}
	for i := range rows {
		x.add(&rows[i])
	}
	return x
}

func (x *index) add(row *Row) {
	x.number(row)
	x.byPos[row.Pos] = row
	x.rows = append(x.rows, row)
	if row.Chat != "" {
		x.chats[row.Chat] = append(x.chats[row.Chat], row)
	}
	switch row.Kind {
	case "member.joined":
		chats := x.members[row.Username]
		if chats == nil {
			chats = make(map[string][]interval)
			x.members[row.Username] = chats
		}
		chats[row.Chat] = append(chats[row.Chat], interval{row.Pos, never})
	case "member.left":
		x.endMembership(row.Username, row.Chat, row.Pos)
	case "chat.deleted":
		x.deleted[row.Chat] = row.Pos
		for user := range x.members {
			x.endMembership(user, row.Chat, row.Pos)
		}
	case "session.ended":
		x.sessions[row.Session] = row.Pos
	case "jump":
		x.jumps = append(x.jumps, row)
	}
}

func (x *index) endMembership(user, chat string, pos int64) {
	if list := x.members[user][chat]; len(list) > 0 && list[len(list)-1].to == never {
		list[len(list)-1].to = pos
	}
}

// head is the newest position.
func (x *index) head() int64 {
	if len(x.rows) == 0 {
		return 0
	}
	return x.rows[len(x.rows)-1].Pos
}

// after are those of rows, which are in order, behind a position.
func after(rows []*Row, pos int64) []*Row {
	i, _ := slices.BinarySearchFunc(rows, pos+1, func(r *Row, pos int64) int {
		switch {
		case r.Pos < pos:
			return -1
		case r.Pos > pos:
			return 1
		}
		return 0
	})
	return rows[i:]
}

// memberAt says whether a user is in a chat once the log has reached pos.
func (x *index) memberAt(user, chat string, pos int64) bool {
	for _, in := range x.members[user][chat] {
		if in.from <= pos && pos < in.to {
			return true
		}
	}
	return false
}

// during says whether an event of a chat at pos lies within one of the user's memberships.
func (x *index) during(user, chat string, pos int64) bool {
	for _, in := range x.members[user][chat] {
		if in.from <= pos && pos <= in.to {
			return true
		}
	}
	return false
}

// sessionEnd is where a session ended.
func (x *index) sessionEnd(session string) int64 {
	if pos, ok := x.sessions[session]; ok {
		return pos
	}
	return never
}

// inGap says whether a position was left out by a jump, so that an event a client has seen
// there belongs to a life of the database that is gone.
func (x *index) inGap(pos int64) bool {
	for _, j := range x.jumps {
		if j.Before < pos && pos < j.Pos {
			return true
		}
	}
	return false
}
