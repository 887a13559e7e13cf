package history

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// A text says how often it was edited: " #2" stands behind it after the second edit. So every
// frame and every page tells which version of the message it shows.

// Gone is the version of a message that was deleted.
const Gone = math.MaxInt

// Edit is an edit of a message, or its deletion, however often the client had to ask.
type Edit struct {
	ID int64
	// Version is what it makes: 1 and up, or Gone.
	Version    int
	Start, End time.Duration
	Status     int
}

func (e Edit) acknowledged() bool { return e.Status == 200 || e.Status == 204 }

// Edited is a text as its nth edit makes it.
func Edited(text string, version int) string { return fmt.Sprintf("%s #%d", text, version) }

// unedited is a text as it was posted, and how often it was edited since.
func unedited(text string) (posted string, version int) {
	posted, number, ok := strings.Cut(text, " #")
	if ok {
		version, _ = strconv.Atoi(number)
	}
	return posted, version
}

// version is that of the message as it is shown.
func (m Message) version() int {
	if m.Deleted {
		return Gone
	}
	_, version := unedited(m.Text)
	return version
}

// same says whether two show one message, each in some version.
func (m Message) same(other Message) bool {
	one, _ := unedited(m.Text)
	another, _ := unedited(other.Text)
	if m.Deleted || other.Deleted { // a tombstone has no text to compare
		if m.Deleted && m.Text != "" || other.Deleted && other.Text != "" {
			return false
		}
		one, another = "", ""
	}
	return m.ID == other.ID && m.Seq == other.Seq && m.Chat == other.Chat && m.Author == other.Author &&
		m.ClientID == other.ClientID && one == another
}

// number gives the rows of edits their versions: an edit makes one row, however often it is
// asked for.
func (x *index) number(row *Row) {
	switch row.Kind {
	case "message.edited":
		x.edits[row.Of.ID]++
		row.Version = x.edits[row.Of.ID]
	case "message.deleted":
		x.gone[row.Of.ID]++
		row.Version = Gone
	}
}

// edits: what was acknowledged stands in the log, and nothing that was not asked. Where the
// database was put back, it is not known which edits are left.
func (c *check) edits() {
	if len(c.run.Lost) > 0 {
		return
	}
	asked := make(map[int64]int)
	for _, e := range c.run.Edits {
		switch {
		case e.Version == Gone && e.acknowledged() && c.x.gone[e.ID] != 1:
			c.violation("The deletion of %d was acknowledged, and stands in the log %d times.", e.ID, c.x.gone[e.ID])
		case e.Version != Gone && e.acknowledged() && c.x.edits[e.ID] < e.Version:
			c.violation("Edit %d of message %d was acknowledged, and the log holds %d edits of it.", e.Version, e.ID, c.x.edits[e.ID])
		}
		if e.Version != Gone {
			asked[e.ID] = max(asked[e.ID], e.Version)
		}
	}
	for id, n := range c.x.edits {
		if n > asked[id] {
			c.violation("The log holds %d edits of message %d, and %d were asked.", n, id, asked[id])
		}
	}
}

// replacedBefore is the latest version of a message that was acknowledged before a time.
func (r *Run) replacedBefore(id int64, at time.Duration) (version int) {
	for _, e := range r.Edits {
		if e.ID == id && e.acknowledged() && e.End < at {
			version = max(version, e.Version)
		}
	}
	return version
}

// versions says what is wrong with the version that a frame shows of a message: it is at least
// that of the frame's own event, at most the last, and none that the connection has shown to be
// replaced, or that was replaced before it began. shown holds the latest of each message.
func (c *check) versions(conn *Conn, row *Row, m Message, shown map[int64]int) string {
	if len(c.run.Lost) > 0 {
		return ""
	}
	version, last := m.version(), row.about().version()
	before := 0
	if c.x.edits[m.ID]+c.x.gone[m.ID] > 0 {
		before = c.run.replacedBefore(m.ID, conn.Start)
	}
	switch {
	case version < before:
		return fmt.Sprintf("the frame at %d shows version %d of message %d, which had been replaced by %d before the stream began", row.Pos, version, m.ID, before)
	case version < row.Version:
		return fmt.Sprintf("the frame at %d shows version %d of message %d, and is of version %d", row.Pos, version, m.ID, row.Version)
	case version > last:
		return fmt.Sprintf("the frame at %d shows version %d of message %d, which has %d", row.Pos, version, m.ID, last)
	case version < shown[m.ID]:
		return fmt.Sprintf("the frame at %d shows version %d of message %d behind version %d", row.Pos, version, m.ID, shown[m.ID])
	}
	shown[m.ID] = version
	return ""
}
