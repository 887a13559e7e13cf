package repository

import (
	"context"
	"time"

	"parley/chat"
)

// SpendTicket implements [auth.TicketStore].
func (r *Repository) SpendTicket(ctx context.Context, id string, expires chat.Time) (first bool, err error) {
	defer wrap(&err, "spending a ticket")
	return bounded(ctx, r, share{}, func(ctx context.Context) (bool, error) {
		n, err := r.beside(ctx, `INSERT INTO spent_tickets (id, expires_at) VALUES (?, ?) ON CONFLICT (id) DO NOTHING`, id, expires.UnixMilli())
		return n == 1, err
	})
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
