package history

import (
	"encoding/json"
	"fmt"
)

// readers: every connection shows what its reader is entitled to behind the cursor, from the
// first on, in order, each once.
func (c *check) readers() {
	held := make(map[string]int64)
	for i := range c.run.Conns {
		conn := &c.run.Conns[i]
		if at, known := held[conn.Reader]; known && conn.Cursor != at {
			c.violation("%s resumed from %d, and had been given %d.", name(conn), conn.Cursor, at)
		}
		if at, placed := place(conn); placed {
			held[conn.Reader] = at
		}
		if !c.overlapsLost(conn.Start, conn.End) {
			c.conn(conn)
		}
	}
}

func name(conn *Conn) string {
	of := "all chats"
	if conn.Chat != "" {
		of = "chat " + conn.Chat
	}
	return fmt.Sprintf("Reader %s (%s of %s)", conn.Reader, of, conn.User)
}

// place is where a client resumes from when the connection is over.
func place(conn *Conn) (pos int64, placed bool) {
	pos, placed = conn.Cursor, conn.Cursor != Now
	for _, f := range conn.Frames {
		if f.HasID {
			pos, placed = f.ID, true
		}
	}
	return pos, placed
}

func (c *check) conn(conn *Conn) {
	cursor, frames := conn.Cursor, conn.Frames
	if len(frames) > 0 && frames[0].Event == "reset" {
		c.reset(conn, frames[0])
		cursor, frames = frames[0].ID, frames[1:]
	} else if cursor != Now && c.x.inGap(cursor) {
		c.violation("%s resumed from %d, which belongs to a life of the database that is gone, and got no reset.", name(conn), cursor)
		return
	}
	if cursor == Now {
		if len(frames) == 0 {
			return
		}
		if !frames[0].HasID || frames[0].Data != "" {
			c.violation("%s began with %v and not with its place.", name(conn), frames[0])
			return
		}
		cursor, frames = frames[0].ID, frames[1:]
	}
	if held, at := lastReset(cursor, frames); at >= 0 && c.x.inGap(held) {
		// The end of the log was lost while the stream was open; what came before the reset is
		// of the life that is gone.
		c.shown(conn, frames[at].ID, frames[at+1:], never)
		return
	}
	high := c.x.head()
	for _, f := range frames {
		if f.Event == "ready" {
			high = headOf(f)
			break
		}
	}
	c.shown(conn, cursor, frames, high)
}

// lastReset is where a stream's last reset stands among its frames, -1 where there is none,
// and the place that the client held before it.
func lastReset(cursor int64, frames []Frame) (held int64, at int) {
	held, at = cursor, -1
	place := cursor
	for i, f := range frames {
		if f.Event == "reset" {
			held, at = place, i
		}
		if f.HasID {
			place = f.ID
		}
	}
	return held, at
}

// shown finds an opening under which the connection showed what it had to.
func (c *check) shown(conn *Conn, cursor int64, frames []Frame, high int64) {
	low := max(conn.Known, cursor)
	if conn.Resumes { // the library's own reconnects have openings of their own
		low = max(0, cursor)
	}
	best, most := "", -1
	for _, opened := range c.x.openings(conn, low, high) {
		rows, ok := c.x.entitled(conn, cursor, opened)
		if !ok {
			continue
		}
		right, wrong := c.match(conn, cursor, frames, rows, opened)
		if wrong == "" {
			return
		}
		if right > most {
			best, most = wrong, right
		}
	}
	if most < 0 {
		best = fmt.Sprintf("it was opened although its session, or its membership, had ended by %d", low)
	}
	c.violation("%s, opened behind %d at %v: %s.", name(conn), cursor, conn.Start, best)
}

// match walks frames and the rows that they ought to be. right counts those that are.
func (c *check) match(conn *Conn, cursor int64, frames []Frame, rows []*Row, opened int64) (right int, wrong string) {
	shown := make(map[int64]int)
	for _, f := range frames {
		switch {
		case f.Event == "reset":
			return right, "a reset came behind other frames"
		case f.Event == "error":
			return right, "the client gave up: " + f.Data
		case f.Event == "ready" && !conn.Resumes:
			if right < len(rows) && rows[right].Pos <= opened {
				return right, fmt.Sprintf("it said ready at %s without having shown %s", f.Data, tell(rows[right]))
			}
		case !f.HasID:
		case f.Data == "":
			if right < len(rows) && rows[right].Pos <= f.ID {
				return right, fmt.Sprintf("its place moved to %d without %s", f.ID, tell(rows[right]))
			}
		case right == len(rows):
			return right, fmt.Sprintf("it was shown %d (%s), to which it has no right or which it has had", f.ID, f.Data)
		case f.ID != rows[right].Pos:
			return right, fmt.Sprintf("it was shown %d (%s) where %s was due", f.ID, f.Data, tell(rows[right]))
		default:
			if different := c.compare(conn, f, rows[right], shown); different != "" {
				return right, different
			}
			right++
		}
	}
	if conn.Whole && right < len(rows) {
		return right, fmt.Sprintf("to the end it was not shown %s, and %d more", tell(rows[right]), len(rows)-right-1)
	}
	return right, ""
}

func tell(row *Row) string {
	return fmt.Sprintf("%d (%s, seq %d of %s)", row.Pos, row.Kind, row.Seq, row.Chat)
}

// compare holds a frame against its row. shown are the versions of messages that the
// connection has shown.
func (c *check) compare(conn *Conn, f Frame, row *Row, shown map[int64]int) string {
	kind := row.Kind
	own := conn.Chat == "" && row.Username == conn.User
	switch {
	case own && kind == "member.joined":
		kind = "chat.joined"
	case own && kind == "member.left":
		kind = "chat.left"
	}
	var data struct {
		Message
		Username string `json:"username"`
	}
	if err := json.Unmarshal([]byte(f.Data), &data); err != nil {
		return fmt.Sprintf("the frame at %d is no JSON: %q", f.ID, f.Data)
	}
	same := f.Event == kind && data.Seq == row.Seq && data.Chat == row.Chat
	switch {
	case row.about() != nil:
		data.Message.Seq = row.about().Seq // that of the frame is its event's own
		if same = same && data.Message.same(*row.about()); same {
			return c.versions(conn, row, data.Message, shown)
		}
	case kind == row.Kind && row.Username != "":
		same = same && data.Username == row.Username
	}
	if !same {
		return fmt.Sprintf("the frame at %d is %s %s, and the log holds %s", f.ID, f.Event, f.Data, tell(row))
	}
	return ""
}

// reset: a place is given up only where it is gone.
func (c *check) reset(conn *Conn, f Frame) {
	var data struct {
		Reason string `json:"reason"`
		Cursor int64  `json:"cursor"`
	}
	if err := json.Unmarshal([]byte(f.Data), &data); err != nil || data.Cursor != f.ID {
		c.violation("%s got a reset that says %s under the id %d.", name(conn), f.Data, f.ID)
	}
	if conn.Cursor == Now || c.x.byPos[conn.Cursor] != nil || conn.Cursor == 0 {
		c.violation("%s resumed from %d, which is in the log, and got a reset (%s).", name(conn), conn.Cursor, data.Reason)
	}
}

func headOf(f Frame) (head int64) {
	var data struct {
		Head int64 `json:"head"`
	}
	if json.Unmarshal([]byte(f.Data), &data) != nil {
		return never
	}
	return data.Head
}

// contents: one id shows one content, in every answer, frame and page, of whatever life of
// the database.
func (c *check) contents() {
	known := make(map[int64]Message)
	see := func(where string, m Message) {
		first, seen := known[m.ID]
		if !seen {
			known[m.ID] = m
			return
		}
		if !first.same(m) {
			c.violation("The id %d was shown as %v and, by %s, as %v.", m.ID, first, where, m)
			known[m.ID] = m
		}
	}
	for _, row := range c.x.rows {
		if row.Message != nil {
			see("the log", *row.Message)
		}
	}
	for _, p := range c.run.Posts {
		for _, t := range p.Tries {
			if t.stored() {
				see("an answer", t.Answer)
			}
		}
	}
	for i := range c.run.Conns {
		conn := &c.run.Conns[i]
		for _, f := range conn.Frames {
			var m Message
			if f.Event == "message" && json.Unmarshal([]byte(f.Data), &m) == nil {
				see(name(conn), m)
			}
		}
	}
}
