package history

import (
	"fmt"
	"time"
)

// maxTold bounds how many violations of one run are told: one mistake makes thousands.
const maxTold = 40

// Check holds a run against the log, and returns every violation as a sentence with its
// evidence. None means that each promise was kept.
func Check(run Run, log Log) []string {
	c := &check{run: run, log: log, x: newIndex(log.Rows)}
	c.positions()
	c.posts()
	c.order()
	c.changes()
	c.edits()
	c.pages()
	c.readers()
	c.contents()
	if len(c.found) > maxTold {
		more := len(c.found) - maxTold
		c.found = append(c.found[:maxTold], fmt.Sprintf("and %d more violations", more))
	}
	return c.found
}

type check struct {
	run   Run
	log   Log
	x     *index
	found []string
}

func (c *check) violation(format string, args ...any) {
	c.found = append(c.found, fmt.Sprintf(format, args...))
}

// positions: the log has no hole but a jump's, and no chat's seq has any.
func (c *check) positions() {
	var last int64
	seqs := make(map[string]int64)
	for _, row := range c.x.rows {
		switch {
		case row.Kind == "jump":
			if row.Before != last {
				c.violation("The jump at %d goes on behind %d, and the event before it is at %d.", row.Pos, row.Before, last)
			}
		case row.Pos != last+1:
			c.violation("The log has no event between %d and %d, and no jump says why.", last, row.Pos)
		}
		last = row.Pos
		if row.Chat == "" {
			continue
		}
		if seqs[row.Chat]++; row.Seq != seqs[row.Chat] {
			c.violation("Chat %s: the event at %d has seq %d; the one before it was %d.", row.Chat, row.Pos, row.Seq, seqs[row.Chat]-1)
			seqs[row.Chat] = row.Seq
		}
	}
}

// changes: what was acknowledged stands in the log, as often as it was acknowledged.
func (c *check) changes() {
	type subject struct{ user, chat string }
	left := make(map[subject]int)
	for _, row := range c.x.rows {
		if row.Kind == "member.left" {
			left[subject{row.Username, row.Chat}]++
		}
	}
	for _, ch := range c.run.Changes {
		if ch.Status < 200 || ch.Status > 299 || c.lost(ch.End) {
			continue
		}
		s := subject{ch.Username, ch.Chat}
		switch ch.Kind {
		case Joined:
			if len(c.x.members[ch.Username][ch.Chat]) == 0 {
				c.violation("%s joining %s was acknowledged, and the log knows nothing of it.", ch.Username, ch.Chat)
			}
		case Left:
			if left[s]--; left[s] < 0 {
				c.violation("%s leaving %s was acknowledged once more often than it stands in the log.", ch.Username, ch.Chat)
			}
		case LoggedOut:
			if c.x.sessionEnd(ch.Session) == never {
				c.violation("The end of session %s of %s was acknowledged, and the log knows nothing of it.", ch.Session, ch.Username)
			}
		}
	}
}

// pages: the history shows each message of the log, once, in order.
func (c *check) pages() {
	for _, page := range c.log.Pages {
		var messages []Message
		for _, row := range c.x.chats[page.Chat] {
			if row.Message != nil {
				messages = append(messages, *row.Message)
			}
		}
		if len(page.Messages) != len(messages) {
			c.violation("Chat %s: its history shows %d messages, and the log holds %d.", page.Chat, len(page.Messages), len(messages))
		}
		for i := range min(len(page.Messages), len(messages)) {
			if page.Messages[i] != messages[i] {
				c.violation("Chat %s: message %d of its history is %v, and in the log %v.", page.Chat, i+1, page.Messages[i], messages[i])
				break
			}
		}
	}
}

// lost says whether what was acknowledged at a time may be gone.
func (c *check) lost(at time.Duration) bool { return c.overlapsLost(at, at) }

// overlapsLost says whether some of what was shown in a time may be gone.
func (c *check) overlapsLost(from, to time.Duration) bool {
	for _, span := range c.run.Lost {
		if from <= span.To && span.From <= to {
			return true
		}
	}
	return false
}
