package history

import (
	"slices"
	"time"
)

// posts: an acknowledged message is in the log once, as it was answered; one of unknown
// outcome at most once; a refused one not at all; and nothing is there that was not sent.
func (c *check) posts() {
	sent, answered := make(map[string]*Post), make(map[int64]*Post)
	for i := range c.run.Posts {
		p := &c.run.Posts[i]
		sent[p.Text] = p
		for _, t := range p.Tries {
			if t.stored() {
				answered[t.Answer.ID] = p
			}
		}
	}
	stored := make(map[string][]*Row)
	for _, row := range c.x.rows {
		if row.Message == nil {
			continue
		}
		text, _ := unedited(row.Message.Text)
		p := sent[text]
		if row.Message.Deleted { // only what was acknowledged is deleted
			p = answered[row.Message.ID]
		}
		if p != nil {
			stored[p.Text] = append(stored[p.Text], row)
			c.rights(p, row)
		} else {
			c.violation("The message at %d of %s in %s was never sent: %q.", row.Pos, row.Message.Author, row.Chat, row.Message.Text)
		}
	}
	for i := range c.run.Posts {
		c.post(&c.run.Posts[i], stored[c.run.Posts[i].Text])
	}
}

// rights: the author is the token's, its session lived, and it was a member.
func (c *check) rights(p *Post, row *Row) {
	m := row.Message
	if m.Author != p.Author {
		c.violation("The message at %d was posted with the token of %s, and its author is %s.", row.Pos, p.Author, m.Author)
	}
	if row.Chat != p.Chat {
		c.violation("The message at %d was posted to %s, and stands in %s.", row.Pos, p.Chat, row.Chat)
	}
	if end := c.x.sessionEnd(p.Session); row.Pos > end {
		c.violation("The message at %d of %s was stored behind the end of its session at %d.", row.Pos, p.Author, end)
	}
	if !c.x.memberAt(p.Author, row.Chat, row.Pos) {
		c.violation("The message at %d in %s was stored while its author %s was no member.", row.Pos, row.Chat, p.Author)
	}
}

func (c *check) post(p *Post, rows []*Row) {
	if len(rows) > 1 {
		c.violation("The post %q with the key %q is in the log %d times: at %d and %d.", p.Text, p.Key, len(rows), rows[0].Pos, rows[1].Pos)
	}
	var first *Try
	made, unknown := 0, false
	for i := range p.Tries {
		t := &p.Tries[i]
		unknown = unknown || !t.stored() && !t.refused()
		if !t.stored() || c.lost(t.End) {
			continue
		}
		if !t.Replayed {
			made++
		}
		if first == nil {
			first = t
		}
		if !t.Answer.same(first.Answer) {
			c.violation("The post %q was answered with %v and with %v.", p.Text, first.Answer, t.Answer)
		}
		c.answered(p, t, rows)
	}
	if made > 1 {
		c.violation("The post %q with the key %q was answered 201 %d times.", p.Text, p.Key, made)
	}
	if first == nil && !unknown && len(rows) > 0 && !c.lost(p.Tries[len(p.Tries)-1].End) {
		c.violation("The post %q was refused (%d), and is in the log at %d.", p.Text, p.Tries[len(p.Tries)-1].Status, rows[0].Pos)
	}
}

func (c *check) answered(p *Post, t *Try, rows []*Row) {
	if t.Answer.Author != p.Author {
		c.violation("The post %q was sent with the token of %s and answered as %s's.", p.Text, p.Author, t.Answer.Author)
	}
	if len(rows) == 0 {
		c.violation("The post %q was acknowledged at %d, and is not in the log.", p.Text, t.Answer.ID)
		return
	}
	if !rows[0].Message.same(t.Answer) {
		c.violation("The post %q was answered with %v, and is in the log as %v.", p.Text, t.Answer, *rows[0].Message)
	}
}

// order: a post that began when another was acknowledged stands behind that one.
func (c *check) order() {
	type place struct {
		start, end time.Duration
		pos        int64
	}
	var places []place
	for _, p := range c.run.Posts {
		for _, t := range p.Tries {
			if t.Status == 201 && !t.Replayed && !c.lost(t.End) {
				places = append(places, place{p.Tries[0].Start, t.End, t.Answer.ID})
			}
		}
	}
	ended := slices.Clone(places)
	slices.SortFunc(places, func(a, b place) int { return int(a.start - b.start) })
	slices.SortFunc(ended, func(a, b place) int { return int(a.end - b.end) })
	var highest int64
	i := 0
	for _, p := range places {
		for ; i < len(ended) && ended[i].end < p.start; i++ {
			highest = max(highest, ended[i].pos)
		}
		if p.pos < highest {
			c.violation("A post that began when %d was acknowledged was given the position %d.", highest, p.pos)
		}
	}
}
