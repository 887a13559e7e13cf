package repository

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"parley/chat"
	"parley/repository/posts"
)

// memberWindow is how many positions MemberAfter looks at in one call, whoever's
// events they are: a page costs the same for one whose chats are silent.
const memberWindow = 4096

// eventColumns are those of an eventRow, from a table events called e and a table
// messages called m.
var eventColumns = `e.pos, e.kind, e.chat, e.seq, e.username, e.role, e.title, e.visibility, e.session, e.message AS about, m.origin, ` +
	posts.NoMessageOr("m", "message")

// headNow is the column of the log's head.
const headNow = `(SELECT pos FROM head WHERE one = 1) AS head`

// eventRow is an event as it is stored, with its message.
type eventRow struct {
	Pos        sql.NullInt64  `db:"pos"`
	Kind       sql.NullString `db:"kind"`
	Chat       sql.NullString `db:"chat"`
	Seq        sql.NullInt64  `db:"seq"`
	Username   sql.NullString `db:"username"`
	Role       sql.NullString `db:"role"`
	Title      sql.NullString `db:"title"`
	Visibility sql.NullString `db:"visibility"`
	Session    sql.NullString `db:"session"`
	About      sql.NullInt64  `db:"about"`
	Origin     sql.NullString `db:"origin"`
	Message    messageRow     `db:"message"`
}

func (row *eventRow) event() chat.Event {
	ev := chat.Event{
		Pos: row.Pos.Int64, Kind: chat.Kind(row.Kind.String), Chat: row.Chat.String, Seq: row.Seq.Int64,
		Username: row.Username.String, Role: chat.Role(row.Role.String),
		Title: row.Title.String, Visibility: chat.Visibility(row.Visibility.String),
		Session: row.Session.String,
	}
	switch {
	case row.Message.ID != 0:
		m := row.Message.Message()
		ev.Message = &m
		if ev.Kind == chat.KindMessage {
			ev.Origin = row.Origin.String
		}
	case row.About.Valid:
		// Its row was removed past parley. The chat's seq stays without a hole.
		ev.Message = &chat.Message{ID: row.About.Int64, Seq: ev.Seq, Chat: ev.Chat, CreatedAt: chat.TimeFromMilli(0)}
	}
	return ev
}

// logRow is an event, and where the log's head was when it was read.
type logRow struct {
	Head int64 `db:"head"`
	eventRow
}

// partOf is what rows of one statement, which is one snapshot, are of the log.
func partOf(rows []logRow, through int64) chat.LogPart {
	part := chat.LogPart{Events: make([]chat.Event, len(rows)), Through: through}
	for i := range rows {
		part.Events[i], part.Head = rows[i].event(), rows[i].Head
	}
	return part
}

// Open implements [stream.Log]. The requests for one chat each are one statement, and
// those for all chats another, because each finds memberships by an index of its own.
func (r *Repository) Open(ctx context.Context, requests []chat.OpeningRequest) (_ []chat.Opening, err error) {
	defer wrap(&err, "opening streams")
	answers := make([]chat.Opening, len(requests))
	var one, all []openingAsk
	same := make(map[openingAsk][]int) // which requests one of all is of
	for i, q := range requests {
		ask := openingAsk{N: i, Session: q.Actor.Session, Username: q.Actor.Username, Chat: q.Chat}
		if q.Chat != "" {
			one = append(one, ask)
			continue
		}
		ask.N = 0
		if same[ask] = append(same[ask], i); len(same[ask]) == 1 {
			all = append(all, openingAsk{N: i, Session: ask.Session, Username: ask.Username})
		}
	}
	if err := r.openOne(ctx, requests, one, answers); err != nil {
		return nil, err
	}
	if err := r.openAll(ctx, requests, all, answers); err != nil {
		return nil, err
	}
	for _, requests := range same {
		for _, i := range requests[1:] {
			answers[i] = answers[requests[0]]
		}
	}
	return answers, nil
}

// openingAsk is a request as the database is asked.
type openingAsk struct {
	// N is the place of its answer.
	N        int    `json:"n"`
	Session  string `json:"session"`
	Username string `json:"username"`
	Chat     string `json:"chat"`
}

// openingRow is what the database finds of a request.
type openingRow struct {
	N          int             `db:"n"`
	Head       int64           `db:"pos"`
	Live       bool            `db:"live"`
	Chat       sql.NullString  `db:"chat"`
	Visibility chat.Visibility `db:"visibility"`
	Role       chat.Role       `db:"role"`
	// Jumped is the position of the log's newest jump; 0 is none.
	Jumped int64 `db:"jumped"`
}

// openings runs a statement whose argument is requests.
func (r *Repository) openings(ctx context.Context, asked []openingAsk, query string) ([]openingRow, error) {
	if len(asked) == 0 {
		return nil, nil
	}
	list, err := json.Marshal(asked)
	if err != nil {
		return nil, err
	}
	return read(ctx, r, func(ctx context.Context, h handle) (rows []openingRow, err error) {
		err = h.all(ctx, &rows, fmt.Sprintf(query, h.d.each), string(list))
		return rows, err
	})
}

// openingColumns are those that every opening begins with.
const openingColumns = `q.n, h.pos, (SELECT COALESCE(max(pos), 0) FROM jumps) AS jumped, s.id IS NOT NULL AS live, `

// openingTables are the head, the requests q, and their live sessions s.
const openingTables = `
	FROM head h
	CROSS JOIN (SELECT CAST(value ->> 'n' AS integer) AS n, value ->> 'session' AS session,
		value ->> 'username' AS username, value ->> 'chat' AS chat FROM %s) q
	LEFT JOIN sessions s ON s.id = q.session AND s.username = q.username AND ` + posts.LiveSession

// openOne answers requests for one chat each.
func (r *Repository) openOne(ctx context.Context, requests []chat.OpeningRequest, asked []openingAsk, answers []chat.Opening) error {
	rows, err := r.openings(ctx, asked, `SELECT `+openingColumns+`
			COALESCE(c.visibility, '') AS visibility, COALESCE(m.role, '') AS role, m.chat`+openingTables+`
		LEFT JOIN chats c ON c.id = q.chat AND c.deleted_pos IS NULL
		LEFT JOIN memberships m ON m.chat = c.id AND m.username = s.username AND m.left_pos IS NULL
		WHERE h.one = 1`)
	for _, row := range rows {
		answer := &answers[row.N]
		jumps, err := r.jumps.upTo(ctx, r, row.Jumped)
		if err != nil {
			return err
		}
		q := requests[row.N]
		answer.Err = chat.Decide(q.Actor, chat.FollowChat, q.Chat, chat.Standing{Live: row.Live, Visibility: row.Visibility, Role: row.Role})
		if answer.Err == nil {
			*answer = chat.Opening{Head: row.Head, Jumps: jumps, Chats: []string{q.Chat}}
		}
	}
	return err
}

// openAll answers requests for all chats of an actor.
func (r *Repository) openAll(ctx context.Context, requests []chat.OpeningRequest, asked []openingAsk, answers []chat.Opening) error {
	rows, err := r.openings(ctx, asked, `SELECT `+openingColumns+`'' AS visibility, '' AS role, c.id AS chat`+openingTables+`
		LEFT JOIN memberships m ON m.username = s.username AND m.left_pos IS NULL
		LEFT JOIN chats c ON c.id = m.chat AND c.deleted_pos IS NULL
		WHERE h.one = 1
		ORDER BY q.n, c.id`)
	for _, row := range rows {
		answer := &answers[row.N]
		answer.Err = chat.Decide(requests[row.N].Actor, chat.FollowAll, "", chat.Standing{Live: row.Live})
		if answer.Err != nil {
			continue
		}
		jumps, err := r.jumps.upTo(ctx, r, row.Jumped)
		if err != nil {
			return err
		}
		answer.Head, answer.Jumps = row.Head, jumps
		if row.Chat.Valid && requests[row.N].Actor.Chats.Has(row.Chat.String) {
			answer.Chats = append(answer.Chats, row.Chat.String)
		}
	}
	return err
}

// After implements [stream.Log].
func (r *Repository) After(ctx context.Context, after int64, limit int) (_ []chat.Event, head int64, err error) {
	defer wrap(&err, "reading the log")
	type page struct {
		events []chat.Event
		head   int64
	}
	p, err := read(ctx, r, func(ctx context.Context, h handle) (page, error) {
		// One statement is one snapshot.
		var rows []struct {
			Before sql.NullInt64 `db:"before"`
			logRow
		}
		err := h.all(ctx, &rows, `SELECT h.pos AS head, j.before, `+eventColumns+`
			FROM head h
			LEFT JOIN (SELECT * FROM events WHERE pos > ? ORDER BY pos LIMIT ?) e ON e.pos > 0
			LEFT JOIN messages m ON m.id = e.message
			LEFT JOIN jumps j ON j.pos = e.pos AND e.kind = 'jump'
			WHERE h.one = 1
			ORDER BY e.pos`, after, limit)
		if err != nil {
			return page{}, err
		}
		p := page{head: rows[0].Head, events: make([]chat.Event, 0, len(rows))}
		for i := range rows {
			if rows[i].Pos.Valid {
				ev := rows[i].event()
				ev.Before = rows[i].Before.Int64
				p.events = append(p.events, ev)
			}
		}
		return p, nil
	})
	return p.events, p.head, err
}

// ChatAfter implements [stream.Log].
func (r *Repository) ChatAfter(ctx context.Context, chatID string, after, upTo int64, limit int) (_ chat.LogPart, err error) {
	defer wrap(&err, "reading the log of a chat")
	return read(ctx, r, func(ctx context.Context, h handle) (chat.LogPart, error) {
		return h.chatAfter(ctx, chatID, after, upTo, limit)
	})
}

// chatAfter reads a chat's oldest events after a position: those of its messages and
// the others, each by the index that is theirs, as many as there may be. NULLS FIRST
// keeps PostgreSQL to these indexes, as in a walk through a chat's messages.
func (h handle) chatAfter(ctx context.Context, chatID string, after, upTo int64, limit int) (chat.LogPart, error) {
	var rows []logRow
	err := h.all(ctx, &rows, `SELECT `+headNow+`, `+eventColumns+`
		FROM (
			SELECT pos FROM (SELECT id AS pos FROM messages
				WHERE chat = ? AND id > ? AND id <= ? ORDER BY id NULLS FIRST LIMIT ?) said
			UNION ALL
			SELECT pos FROM (SELECT pos FROM events
				WHERE chat = ? AND pos > ? AND pos <= ? AND kind <> 'message' ORDER BY pos NULLS FIRST LIMIT ?) beside
		) p
		JOIN events e ON e.pos = p.pos LEFT JOIN messages m ON m.id = e.message
		ORDER BY p.pos LIMIT ?`, chatID, after, upTo, limit, chatID, after, upTo, limit, limit)
	part := partOf(rows, upTo)
	if len(rows) == limit {
		part.Through = part.Events[limit-1].Pos
	}
	return part, err
}

// MemberAfter implements [stream.Log].
func (r *Repository) MemberAfter(ctx context.Context, username string, opened, after, upTo int64, limit int) (_ chat.LogPart, err error) {
	defer wrap(&err, "reading the log of a user")
	// The read may go on behind a caller who gave up, so it keeps its own.
	reach := min(upTo, after+memberWindow)
	if reach <= after {
		return chat.LogPart{Through: reach}, nil
	}
	return read(ctx, r, func(ctx context.Context, h handle) (chat.LogPart, error) {
		// A membership ends where its chat does, whether its row is closed yet or not. It
		// shows all of its events if it began behind opened, or if its chat was the user's at
		// opened (o); otherwise only the one that ended it, and only if the user was in that
		// chat no more (n) up to opened. The memberships of one chat do not overlap, so an
		// event is found once.
		var rows []logRow
		err := h.all(ctx, &rows, `SELECT `+headNow+`, `+eventColumns+`
			FROM events e
			JOIN memberships i ON i.username = ? AND i.chat = e.chat AND i.joined_pos <= e.pos
			JOIN chats c ON c.id = i.chat AND e.pos <= `+endOf("i")+`
			LEFT JOIN messages m ON m.id = e.message
			WHERE e.pos > ? AND e.pos <= ? AND (i.joined_pos > ?
				OR EXISTS (SELECT 1 FROM memberships o WHERE o.username = i.username AND o.chat = i.chat
					AND o.joined_pos <= ? AND `+endOf("o")+` > ?)
				OR e.pos = `+endOf("i")+` AND NOT EXISTS (SELECT 1 FROM memberships n WHERE n.username = i.username AND n.chat = i.chat
					AND n.joined_pos > i.joined_pos AND n.joined_pos <= ?))
			ORDER BY e.pos LIMIT ?`, username, after, reach, opened, opened, opened, opened, limit)
		part := partOf(rows, reach)
		switch {
		case err != nil:
		case len(rows) == limit:
			part.Through = part.Events[limit-1].Pos
		case reach < upTo:
			part.Through, err = h.emptyTo(ctx, reach, upTo)
		}
		return part, err
	})
}

// emptyTo is how far, up to upTo, the log has nothing to show behind a position. It leads over a
// jump, which no number of windows would, and to no position that a jump left out: a reader
// that stood there would be taken for one that is lost.
func (h handle) emptyTo(ctx context.Context, pos, upTo int64) (int64, error) {
	var next struct {
		Pos  int64
		Kind chat.Kind
	}
	err := h.get(ctx, &next, `SELECT pos, kind FROM events WHERE pos > ? AND pos <= ? ORDER BY pos LIMIT 1`, pos, upTo)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return upTo, nil
	case next.Kind == chat.KindJump:
		return next.Pos, err
	default:
		return next.Pos - 1, err
	}
}

// endOf is the position at which a membership of the chat c ended, or one that is behind all
// others.
func endOf(membership string) string {
	return `COALESCE(` + membership + `.left_pos, c.deleted_pos, 9223372036854775807)`
}

// AccessExpiries implements [stream.Log].
func (r *Repository) AccessExpiries(ctx context.Context, sessions []string) (_ map[string]time.Time, err error) {
	defer wrap(&err, "reading until when sessions have access")
	return read(ctx, r, func(ctx context.Context, h handle) (map[string]time.Time, error) {
		var rows []struct {
			ID      string `db:"id"`
			Expires int64  `db:"access_expires_at"`
		}
		err := h.all(ctx, &rows, `SELECT s.id, s.access_expires_at
			FROM sessions s WHERE s.id `+h.d.among+` AND `+posts.LiveSession, h.d.list(sessions))
		expiries := make(map[string]time.Time, len(rows))
		for _, row := range rows {
			expiries[row.ID] = time.UnixMilli(row.Expires)
		}
		return expiries, err
	})
}
