package repository

import (
	"database/sql"
	"slices"

	"parley/chat"
)

// maxPermits bounds how many the writer remembers: some megabytes.
const maxPermits = 1 << 15

// permits is what the writer remembers of whom it has let post where, so as not to
// ask it of the database with each post. As long as the log's head is where the
// writer's last batch left it, nobody has changed anything since; and a batch with a
// request that changes who may post ends what is remembered. So a post is still decided
// by what is true behind the head's lock.
type permits struct {
	// head is as it was left by the writer's last batch that was published.
	head head
	seqs map[string]int64 // of the chats
	held map[permitHolder]struct{}
}

// permitHolder is a live session of a chat's member.
type permitHolder struct {
	chat  string
	actor chat.Actor
}

// recall gives the posts the permits that are remembered of them, and says whether
// there are any.
func (m *permits) recall(posts []*posting) (some bool) {
	for _, p := range posts {
		p.permit = nil
		if _, held := m.held[permitHolder{p.Chat, p.actor}]; held {
			some = true
			p.permit = &permit{live: true, member: true, seq: sql.NullInt64{Int64: m.seqs[p.Chat], Valid: true}}
		}
	}
	return some
}

// check says whether the head is where the writer's last batch left it, and forgets
// everything if it is not.
func (m *permits) check(found head) (alone bool) {
	if alone = found.is(m.head); !alone {
		m.forget()
	}
	return alone
}

// remembered are the facts of the posts as far as they are remembered.
func remembered(posts []*posting) []facts {
	known := make([]facts, len(posts))
	for i, p := range posts {
		if p.permit != nil {
			known[i].permit = *p.permit
		}
	}
	return known
}

// decided says whether nothing has to be asked to decide the posts, as long as what is
// remembered of them holds.
func decided(posts []*posting) bool {
	return !slices.ContainsFunc(posts, func(p *posting) bool { return p.permit == nil || hasKey(p) || isReply(p) })
}

func (m *permits) forget() { m.seqs, m.held = nil, nil }

// keep remembers what a batch that is committed has shown. Behind another writer's
// it remembers nothing yet: where writers take turns, what is remembered never holds,
// and to find that out costs a message, which may have waited for the lock.
func (m *permits) keep(tx *transaction, batch []*request) {
	m.head = tx.raised()
	if !tx.alone || slices.ContainsFunc(batch, (*request).changesPermits) || len(m.held)+len(batch) > maxPermits {
		m.forget()
		return
	}
	if m.held == nil {
		m.seqs, m.held = make(map[string]int64), make(map[permitHolder]struct{})
	}
	for _, req := range batch {
		if p := req.post; p != nil && req.err == nil && !p.posted.Replayed {
			m.seqs[p.Chat] = p.posted.Message.Seq
			m.held[permitHolder{p.Chat, p.actor}] = struct{}{}
		}
	}
}
