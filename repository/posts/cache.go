package posts

import "parley/chat"

// maxCached bounds the cache: some megabytes.
const maxCached = 1 << 15

// cache remembers which actors were let write in which chats, so as not to ask the
// database with each entry. It holds as long as no other writer has raised the log's head
// and this log has committed nothing but entries. So an entry is still decided by what
// is true behind the head's lock.
type cache struct {
	seqs    map[string]int64 // of the chats
	allowed map[grant]struct{}
}

// grant is a live session of one who may post in a chat.
type grant struct {
	chat  string
	actor chat.Actor
}

// recall gives each entry the permission that is remembered, and says whether there
// was any.
func (c *cache) recall(entries []*Entry) (some bool) {
	for _, e := range entries {
		e.Facts = Facts{}
		if _, ok := c.allowed[grant{e.Chat, e.Actor}]; ok {
			some = true
			e.Facts.Permission = Permission{Cached: true, Live: true, Exists: true, Role: chat.RoleMember, Seq: c.seqs[e.Chat]}
		}
	}
	return some
}

func (c *cache) forget() { c.seqs, c.allowed = nil, nil }

// keep remembers what a committed batch has shown. Behind another writer's batch it
// remembers nothing yet: where writers take turns, what is remembered never holds, and
// to find that out costs a message, which may have waited for the lock.
func (c *cache) keep(alone bool, claimed []*Request) {
	if !alone || len(c.allowed)+len(claimed) > maxCached {
		c.forget()
		return
	}
	if c.allowed == nil {
		c.seqs, c.allowed = make(map[string]int64), make(map[grant]struct{})
	}
	for _, req := range claimed {
		if e := req.Work; req.Err == nil && !e.Posted.Replayed {
			c.seqs[e.Chat] = e.Posted.Message.Seq
			c.allowed[grant{e.Chat, e.Actor}] = struct{}{}
		}
	}
}
