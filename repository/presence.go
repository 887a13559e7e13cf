package repository

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"parley/chat"
)

// The statements by which an instance tells where users are present. The whereabouts are the
// elements of a JSON array, which the %s is.
const (
	appear = `INSERT INTO presences (username, chat, instance)
		SELECT value ->> 'username', value ->> 'chat', CAST(? AS text) FROM %s WHERE true
		ON CONFLICT (username, chat, instance) DO NOTHING`
	disappear = `DELETE FROM presences WHERE instance = ? AND (username, chat) IN (
		SELECT value ->> 'username', value ->> 'chat' FROM %s)`
	forget = `DELETE FROM presences WHERE (username, chat, instance) IN (
		SELECT value ->> 'username', value ->> 'chat', value ->> 'instance' FROM %s)`
)

// lasts says of a presence p, given the database's clock, that its instance's lease does.
const lasts = `EXISTS (SELECT 1 FROM instances n WHERE n.id = p.instance AND n.expires_at > %s)`

// TellPresence stores where users came to be present at this instance, and where they went.
func (l *Lease) TellPresence(ctx context.Context, came, gone []chat.Whereabouts) (err error) {
	defer wrap(&err, "telling who is present")
	_, err = bounded(ctx, l.r, share{}, func(ctx context.Context) (none struct{}, err error) {
		return none, l.r.dialect.beside(ctx, l.r, "", func(ctx context.Context, c changer) error {
			if err := l.tellWhereabouts(ctx, c, appear, came); err != nil {
				return err
			}
			return l.tellWhereabouts(ctx, c, disappear, gone)
		})
	})
	return err
}

func (l *Lease) tellWhereabouts(ctx context.Context, c changer, query string, told []chat.Whereabouts) error {
	if len(told) == 0 {
		return nil
	}
	list, err := json.Marshal(told)
	if err == nil {
		_, err = c.exec(ctx, fmt.Sprintf(query, l.r.dialect.each), l.id, string(list))
	}
	return err
}

// forsaken is a row of presences whose instance is gone.
type forsaken struct {
	chat.Whereabouts
	Instance string `json:"instance" db:"instance"`
}

// selectForsaken reads some of those whose leases have ended for a while, on a dialect's clock.
const selectForsaken = `SELECT p.username, p.chat, p.instance FROM instances n JOIN presences p ON p.instance = n.id
	WHERE n.expires_at <= %s - ? LIMIT ?`

// Forsaken takes the whereabouts that were told of by instances whose leases have ended for a
// while, with the chats that they are about, in order.
func (l *Lease) Forsaken(ctx context.Context, ended time.Duration) (_ map[chat.Whereabouts][]string, err error) {
	defer wrap(&err, "taking what instances left that are gone")
	rows, err := read(ctx, l.r, func(ctx context.Context, h handle) (rows []forsaken, err error) {
		err = h.all(ctx, &rows, fmt.Sprintf(selectForsaken, h.d.now), ended.Milliseconds(), endingSlice)
		return rows, err
	})
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	chats, err := l.chatsOf(ctx, rows) // what cannot be told is not taken
	if err != nil {
		return nil, err
	}
	list, err := json.Marshal(rows)
	if err != nil {
		return nil, err
	}
	taken, err := l.change(ctx, fmt.Sprintf(forget, l.r.dialect.each), string(list))
	if err != nil || taken == 0 {
		return nil, err
	}
	return chats, nil
}

// chatsOf reads which chats whereabouts are about.
func (l *Lease) chatsOf(ctx context.Context, rows []forsaken) (map[chat.Whereabouts][]string, error) {
	var users []string
	chats := make(map[chat.Whereabouts][]string)
	for _, row := range rows {
		if row.Chat == "" {
			users = append(users, row.Username)
		} else {
			chats[row.Whereabouts] = []string{row.Chat}
		}
	}
	in, err := read(ctx, l.r, func(ctx context.Context, h handle) (in []chat.Whereabouts, err error) {
		err = h.all(ctx, &in, `SELECT username, chat FROM memberships
			WHERE username `+h.d.among+` AND left_pos IS NULL ORDER BY username, chat LIMIT ?`, h.d.list(users), mostChats)
		return in, err
	})
	for _, m := range in {
		all := chat.Whereabouts{Username: m.Username}
		chats[all] = append(chats[all], m.Chat)
	}
	return chats, err
}

// mostChats bounds in how many chats the users of an instance that is gone are told of at once.
const mostChats = 20_000

// PresentElsewhere reads where some users are present at other instances.
func (l *Lease) PresentElsewhere(ctx context.Context, users []string) (found []chat.Whereabouts, err error) {
	defer wrap(&err, "reading who is present at other instances")
	return read(ctx, l.r, func(ctx context.Context, h handle) (found []chat.Whereabouts, err error) {
		err = h.all(ctx, &found, `SELECT DISTINCT p.username, p.chat FROM presences p
			WHERE p.username `+h.d.among+` AND p.instance <> ? AND `+fmt.Sprintf(lasts, h.d.now), h.d.list(users), l.id)
		return found, err
	})
}

// CountElsewhere counts the members of some chats that are present at other instances.
func (l *Lease) CountElsewhere(ctx context.Context, chats []string) (counts map[string]int, err error) {
	defer wrap(&err, "counting who is present at other instances")
	type count struct {
		Chat    string
		Present int
	}
	rows, err := read(ctx, l.r, func(ctx context.Context, h handle) (rows []count, err error) {
		err = h.all(ctx, &rows, `SELECT m.chat, count(DISTINCT m.username) AS present
			FROM presences p JOIN memberships m ON m.username = p.username AND m.left_pos IS NULL AND p.chat IN ('', m.chat)
			WHERE m.chat `+h.d.among+` AND p.instance <> ? AND `+fmt.Sprintf(lasts, h.d.now)+` GROUP BY m.chat`, h.d.list(chats), l.id)
		return rows, err
	})
	counts = make(map[string]int, len(rows))
	for _, row := range rows {
		counts[row.Chat] = row.Present
	}
	return counts, err
}

// selectPresent reads the members of a chat that are among some users, or that an instance has
// told of whose lease lasts.
func (d *dialect) selectPresent() string {
	return `SELECT username FROM (
		SELECT m.username FROM memberships m WHERE m.chat = ? AND m.left_pos IS NULL AND m.username ` + d.among + `
		UNION
		SELECT m.username FROM presences p
			JOIN memberships m ON m.username = p.username AND m.chat = ? AND m.left_pos IS NULL
			WHERE p.chat IN ('', m.chat) AND ` + fmt.Sprintf(lasts, d.now) + `
		) present WHERE username > ? ORDER BY username LIMIT ?`
}

// Present implements [chat.Signals]. It decides twice: before it asks who is here, which costs the
// instance something, and where it reads the page, because the actor's rights may have ended since.
func (r *Repository) Present(ctx context.Context, actor chat.Actor, chatID string, here func() []string, q chat.ListQuery) (_ chat.Page[string], err error) {
	defer wrap(&err, "reading who is present in a chat")
	admit := func(ctx context.Context, h handle) (access, error) {
		return h.admit(ctx, actor, chat.ReadPresence, chatID)
	}
	var none chat.Page[string]
	if _, err := readAs(ctx, r, actor, admit); err != nil {
		return none, err
	}
	users := here()
	return snapshotRows(ctx, r, actor, q.Limit, func(ctx context.Context, h handle) (chat.Page[string], error) {
		if _, err := admit(ctx, h); err != nil {
			return none, err
		}
		itself := func(username string) string { return username }
		return list(ctx, h, itself, q, h.d.selectPresent(), chatID, h.d.list(users), chatID)
	})
}
