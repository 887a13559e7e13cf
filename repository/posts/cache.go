package posts

import "parley/chat"

const (
	// maxCached bounds the cache: some megabytes.
	maxCached = 1 << 15
	// MaxBehind is by how many events the cache is brought up to date. To read more would
	// take longer than to read the permissions of a batch.
	MaxBehind = 512
)

// cache remembers which actors were let write in which chats, so as not to ask the
// database with each entry. It holds at one position of the log. A permission ends by an
// event, so behind the head's lock the events since tell whether it still holds, and an
// entry is decided by what is true there.
type cache struct {
	at      int64            // the position
	seqs    map[string]int64 // of the chats
	allowed map[grant]struct{}
}

// grant is a live session of one who may post in a chat.
type grant struct {
	chat  string
	actor chat.Actor
}

// Event is an event of the log, as far as it matters to the cache.
type Event struct {
	Kind chat.Kind
	Chat string
	Seq  int64
}

// recall gives each entry the permission that is remembered, and says whether there
// was any.
func (c *cache) recall(entries []*Entry) (some bool) {
	for _, e := range entries {
		e.Facts = Facts{}
		if !e.mayBeCached() {
			continue
		}
		if _, ok := c.allowed[grant{e.Chat, e.Actor}]; ok {
			some = true
			e.Facts.Permission = Permission{Cached: true, Live: true, Exists: true, Role: chat.RoleMember, Seq: c.seqs[e.Chat]}
		}
	}
	return some
}

// renew gives the entries that have a permission of recall's their chats' seqs as they
// are now.
func (c *cache) renew(entries []*Entry) {
	for _, e := range entries {
		if e.Facts.Cached {
			e.Facts.Seq = c.seqs[e.Chat]
		}
	}
}

func (c *cache) forget() { *c = cache{} }

// follow brings the cache to the head's position by the events behind its own, and says
// whether it still remembers anything. It forgets everything if these events are not all of
// them, or if one of them may end a right.
func (c *cache) follow(events []Event, pos int64) bool {
	if c.at == 0 || pos-c.at != int64(len(events)) {
		c.forget()
		return false
	}
	for _, e := range events {
		if !e.Kind.EndsNoRight() {
			c.forget()
			return false
		}
		if _, ok := c.seqs[e.Chat]; ok {
			c.seqs[e.Chat] = e.Seq
		}
	}
	c.at = pos
	return true
}

// keep remembers what a committed batch has shown, which ends at a position.
func (c *cache) keep(claimed []*Request, pos int64) {
	if len(c.allowed)+len(claimed) > maxCached {
		c.forget()
		return
	}
	if c.allowed == nil {
		c.seqs, c.allowed = make(map[string]int64), make(map[grant]struct{})
	}
	for _, req := range claimed {
		if e := req.Work; req.Err == nil && e.Pos != 0 {
			c.seqs[e.Chat] = e.Seq
			c.allowed[grant{e.Chat, e.Actor}] = struct{}{}
		}
	}
	c.at = pos
}
