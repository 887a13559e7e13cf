package posts

import (
	"github.com/hashicorp/golang-lru/v2/simplelru"

	"parley/chat"
)

const (
	// maxRecent is of how many messages it is remembered how they stand, and maxRecentText
	// how many bytes of text such a message may have: together some megabytes.
	maxRecent     = 1 << 12
	maxRecentText = 1 << 10
)

// recent remembers the messages that were stored or changed last, as they stand. What people
// edit and react to is mostly what was just said. It holds as long as no other instance
// writes: the goroutine that leads keeps it, and forgets it all when one did.
type recent struct {
	messages *simplelru.LRU[int64, chat.Message]
}

func (r *recent) forget() { r.messages = nil }

// keep remembers what an entry of a committed batch leaves behind. Entries are kept in order.
func (r *recent) keep(e *Entry) {
	m := &e.Posted.Message
	if e.IsChange() {
		m = &e.Told
	}
	if r.messages == nil {
		r.messages, _ = simplelru.NewLRU[int64, chat.Message](maxRecent, nil) // fails for a size below 1
	}
	if len(m.Text) > maxRecentText {
		r.messages.Remove(m.ID)
		return
	}
	r.messages.Add(m.ID, *m)
}

// recall gives each change the message that it is of, where everything is known that the
// change is decided by.
func (r *recent) recall(entries []*Entry) {
	if r.messages == nil {
		return
	}
	for _, e := range entries {
		if !e.IsChange() {
			continue
		}
		if m, ok := r.messages.Get(e.Change.ID); ok {
			e.Change.recall(m, e.Actor.Username)
		}
	}
}

// recall finds the message as it is remembered, unless more users have reacted to it than are
// named.
func (c *Change) recall(m chat.Message, username string) {
	own, all := m.Reactions.Own(username)
	if !all {
		return
	}
	found := Found{Message: m, Own: own}
	if i := m.Reactions.Of(c.Emoji); i >= 0 {
		r := m.Reactions[i]
		if !r.NamesAll() {
			return
		}
		found.First = r.Users
	}
	c.Found, c.recalled = found, true
}

// forgetFound takes back what was recalled, and says whether there was anything.
func forgetFound(entries []*Entry) (some bool) {
	for _, e := range entries {
		if e.IsChange() && e.Change.recalled {
			some = true
			e.Change.Found, e.Change.recalled = Found{}, false
		}
	}
	return some
}
