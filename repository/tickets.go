package repository

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"parley/auth"
	"parley/chat"
	"parley/repository/posts"
)

// TicketSession implements [auth.TicketStore].
func (r *Repository) TicketSession(ctx context.Context, actor chat.Actor, ticket string) (_ auth.Session, spent bool, err error) {
	defer wrap(&err, "reading a ticket's session")
	type ticketRow struct {
		sessionRow
		Spent bool `db:"spent"`
	}
	row, err := readAs(ctx, r, actor, func(ctx context.Context, h handle) (row ticketRow, err error) {
		err = h.get(ctx, &row, `SELECT `+sessionColumns+`, EXISTS (SELECT 1 FROM spent_tickets WHERE id = ?) AS spent
			FROM sessions s WHERE s.id = ? AND `+posts.LiveSession, ticket, actor.Session)
		if errors.Is(err, sql.ErrNoRows) {
			err = chat.ErrSessionEnded
		}
		return row, err
	})
	return row.session(), row.Spent, err
}

// SpendTicket implements [auth.TicketStore].
func (r *Repository) SpendTicket(ctx context.Context, username, id string, expires chat.Time) (first bool, err error) {
	defer wrap(&err, "spending a ticket")
	n, err := r.besideAs(ctx, username, `INSERT INTO spent_tickets (id, expires_at) VALUES (?, ?) ON CONFLICT (id) DO NOTHING`,
		id, expires.UnixMilli())
	return n == 1, r.dialect.refusal(ctx, err)
}

// deleteTickets deletes some of the tickets that ended before a moment.
const deleteTickets = `DELETE FROM spent_tickets WHERE id IN (
	SELECT id FROM spent_tickets WHERE expires_at < ? ORDER BY expires_at LIMIT ?)`

// ticketKept is how long a spent ticket is kept behind its end, for instances whose clocks
// are behind.
const ticketKept = 5 * time.Minute

// dropTickets deletes the tickets that ended a while ago.
func (r *Repository) dropTickets(ctx context.Context) error {
	return r.dropOld(ctx, `SELECT 1 FROM spent_tickets WHERE expires_at < ? LIMIT 1`, deleteTickets, time.Now().Add(-ticketKept))
}
