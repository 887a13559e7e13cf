package repository

import (
	"context"

	"parley/chat"
)

// joinMarker finds the read marker k of a chat's member m. A marker of an earlier membership
// counts no more. The positions are not compared by a plain =, for which PostgreSQL would read
// memberships in the order of joined_pos within a chat, by the index that holds those that have
// ended, too.
const joinMarker = ` LEFT JOIN read_markers k ON k.chat = m.chat AND k.username = m.username AND k.joined_pos - m.joined_pos = 0`

// markerMove is a request to move a member's read marker, and what it is decided by.
type markerMove struct {
	access
	Head int64 `db:"head"`
	// InChat says that the message is one of the chat.
	InChat bool `db:"in_chat"`
	// Joined is where the membership began; Marker is where the marker stands, 0 while there
	// is none.
	Joined int64 `db:"joined"`
	Marker int64 `db:"marker"`
	// Seen is what the present marker has counted, and Unread what is unread behind it.
	Seen   int64 `db:"seen"`
	Unread int64 `db:"unread"`
}

// from is the position behind which messages are unread at present.
func (m *markerMove) from() int64 { return max(m.Marker, m.Joined) }

// MarkRead implements [chat.Signals]. All that is counted is read beside the log, where it
// does not change any more; then one row is written.
func (r *Repository) MarkRead(ctx context.Context, actor chat.Actor, chatID string, id int64) (marked chat.Marked, err error) {
	defer wrap(&err, "moving a read marker")
	m, err := readAs(ctx, r, actor, func(ctx context.Context, h handle) (markerMove, error) {
		return h.markerMove(ctx, actor, chatID, id)
	})
	if err != nil {
		return marked, err
	}
	marked.Head = m.Head
	if id <= m.Marker {
		return marked, nil
	}
	seen, err := r.seenAt(ctx, actor, chatID, id, &m)
	if err != nil {
		return marked, err
	}
	n, err := r.besideAs(ctx, actor.Username, moveMarker, chatID, actor.Username, m.Joined, id, seen)
	marked.Moved = n == 1
	return marked, r.dialect.refusal(ctx, err)
}

// moveMarker moves a marker forward. One of an earlier membership gives way.
const moveMarker = `INSERT INTO read_markers (chat, username, joined_pos, id, seen) VALUES (?, ?, ?, ?, ?)
	ON CONFLICT (chat, username) DO UPDATE SET joined_pos = excluded.joined_pos, id = excluded.id, seen = excluded.seen
	WHERE (read_markers.joined_pos, read_markers.id) < (excluded.joined_pos, excluded.id)`

// markerMove reads in one statement, and so of one moment, what a move of a marker is decided by.
func (h handle) markerMove(ctx context.Context, actor chat.Actor, chatID string, id int64) (m markerMove, err error) {
	err = h.get(ctx, &m, `SELECT `+accessColumns+`, h.pos AS head, e.id IS NOT NULL AS in_chat,
			COALESCE(m.joined_pos, 0) AS joined, COALESCE(k.id, 0) AS marker,
			COALESCE(k.seen, m.seen, 0) AS seen, COALESCE(`+h.d.unread()+`, 0) AS unread
		FROM head h LEFT JOIN chats c ON c.id = ? AND c.deleted_pos IS NULL`+joinMember+`
		LEFT JOIN memberships m ON m.username = i.username AND m.chat = i.chat AND m.joined_pos = i.joined_pos`+joinMarker+`
		LEFT JOIN messages e ON e.id = ? AND e.chat = c.id
		WHERE h.one = 1`, actor.Session, actor.Username, chatID, actor.Username, id)
	if err == nil {
		err = m.decide(actor, chat.MarkRead, chatID)
	}
	if err == nil && !m.InChat {
		err = chat.ErrBadMark
	}
	return m, err
}

// seenAt is the seen of a marker at a message: what the present one has counted, and the
// messages of others between the two. They are counted from the present marker on, or from
// the chat's newest message back, whichever is nearer: a little on this side, a little on
// that, and then more. A client that reads along has few to count, and of no membership is a
// message counted much more than once from the near side.
func (r *Repository) seenAt(ctx context.Context, actor chat.Actor, chatID string, id int64, m *markerMove) (int64, error) {
	if id <= m.from() {
		return m.Seen, nil // what came before the join is no news already
	}
	ahead := walk{chat: chatID, but: actor.Username, after: m.from(), upTo: id}
	back := walk{chat: chatID, but: actor.Username, after: id, upTo: m.LastMessage.Int64}
	for limit := firstWalk; ; limit = min(2*limit, longestWalk) {
		for _, w := range []*walk{&back, &ahead} {
			over, err := r.count(ctx, actor, w, limit)
			switch {
			case err != nil:
				return 0, err
			case over && w == &ahead:
				return m.Seen + w.others, nil
			case over:
				return m.Seen + m.Unread - w.others, nil
			}
		}
	}
}

const (
	// firstWalk and longestWalk are how many messages are counted at once.
	firstWalk   int64 = 256
	longestWalk int64 = 16 << 10
)

// walk counts the messages of a chat between two positions that others wrote.
type walk struct {
	chat, but   string
	after, upTo int64
	others      int64
}

// walked counts the first messages behind a position, and those of others among them that are
// not behind another. SQLite takes two bounds for a reason to walk through the primary key.
const walked = `SELECT count(*) AS passed, COALESCE(max(id), 0) AS reached,
		COALESCE(sum(CASE WHEN author <> ? AND id <= ? THEN 1 ELSE 0 END), 0) AS others
	FROM (SELECT m.id, m.author` + forward + `) first`

// count counts on, and says whether that was all.
func (r *Repository) count(ctx context.Context, actor chat.Actor, w *walk, limit int64) (over bool, err error) {
	if w.after >= w.upTo {
		return true, nil
	}
	type part struct{ Passed, Others, Reached int64 }
	p, err := readAs(ctx, r, actor, func(ctx context.Context, h handle) (p part, err error) {
		err = h.get(ctx, &p, walked, w.but, w.upTo, w.chat, w.after, limit)
		return p, err
	})
	if err != nil {
		return false, err
	}
	w.others += p.Others
	w.after = max(w.after, p.Reached)
	return p.Passed < limit || w.after >= w.upTo, nil
}

// markerRow is a row of the list of markers.
type markerRow struct {
	Username string `db:"username"`
	ID       int64  `db:"id"`
}

func (m markerRow) marker() chat.Marker { return chat.Marker(m) }

// selectMarkers reads the markers of the present members of the chat that is its first
// argument.
const selectMarkers = `SELECT k.username, k.id FROM read_markers k
	JOIN memberships m ON m.chat = k.chat AND m.username = k.username AND m.left_pos IS NULL AND m.joined_pos = k.joined_pos
	WHERE k.chat = ? AND k.username > ? ORDER BY k.username LIMIT ?`

// Markers implements [chat.Signals].
func (r *Repository) Markers(ctx context.Context, actor chat.Actor, chatID string, q chat.ListQuery) (_ chat.Page[chat.Marker], err error) {
	defer wrap(&err, "reading a chat's read markers")
	return snapshotRows(ctx, r, actor, q.Limit, func(ctx context.Context, h handle) (none chat.Page[chat.Marker], err error) {
		if _, err := h.admit(ctx, actor, chat.ReadMarkers, chatID); err != nil {
			return none, err
		}
		return list(ctx, h, markerRow.marker, q, selectMarkers, chatID)
	})
}
