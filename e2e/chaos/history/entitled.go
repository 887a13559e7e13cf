package history

import "slices"

// entitled are the events that a stream shows, in order, if its rights were read when the
// log had reached opened. ok says that it could have been opened there.
func (x *index) entitled(c *Conn, cursor, opened int64) (rows []*Row, ok bool) {
	end := x.sessionEnd(c.Session)
	if end <= opened {
		return nil, false
	}
	if c.Chat != "" {
		return x.entitledToChat(c, cursor, opened, end)
	}
	for _, row := range after(x.rows, cursor) {
		if row.Pos > end {
			break
		}
		if row.Chat != "" && x.showsOverAll(c.User, row, opened) {
			rows = append(rows, row)
		}
	}
	return rows, true
}

// entitledToChat: a member may read the whole history, times of absence included, and the
// stream ends with the first row behind its opening that takes the right away.
func (x *index) entitledToChat(c *Conn, cursor, opened, end int64) (rows []*Row, ok bool) {
	if !x.memberAt(c.User, c.Chat, opened) {
		return nil, false
	}
	for _, in := range x.members[c.User][c.Chat] {
		if in.to > opened {
			end = min(end, in.to)
		}
	}
	for _, row := range after(x.chats[c.Chat], cursor) {
		if row.Pos > end {
			break
		}
		rows = append(rows, row)
	}
	return rows, true
}

// showsOverAll: what happened while the user was a member, of the chats that were the user's
// at opened or came later; of the others the last closing event alone.
func (x *index) showsOverAll(user string, row *Row, opened int64) bool {
	if !x.during(user, row.Chat, row.Pos) {
		return false
	}
	if row.Pos > opened || x.memberAt(user, row.Chat, opened) {
		return true
	}
	var last int64
	for _, in := range x.members[user][row.Chat] {
		if in.to <= opened {
			last = in.to
		}
	}
	return row.Pos == last
}

// openings are the places of the log at which the rights of a stream may have been read and
// between which they differ: not before low, which the log had reached, and not behind high.
func (x *index) openings(c *Conn, low, high int64) []int64 {
	found := []int64{low}
	for chat, list := range x.members[c.User] {
		if c.Chat != "" && c.Chat != chat {
			continue
		}
		for _, in := range list {
			for _, pos := range []int64{in.from, in.to} {
				if low < pos && pos <= high {
					found = append(found, pos)
				}
			}
		}
	}
	slices.Sort(found)
	return found
}
