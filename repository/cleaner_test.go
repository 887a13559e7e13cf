package repository

import (
	"testing"
	"time"

	"parley/chat"
)

// What each of the cleaner's statements deletes is tested beside it. Here it is that the
// cleaner runs them all, each time that it looks by itself.
func TestTheCleanerDeletesByItselfWhatIsOver(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		as := signUp(t, r, "ann", "bob")
		makeChat(t, r, as["ann"], "den", chat.Private, nil)
		overSince := func(username string, ago time.Duration) {
			t.Helper()
			n := newSession(username)
			n.RefreshExpires = time.Now().Add(-ago)
			if err := r.CreateSession(t.Context(), n); err != nil {
				t.Fatal(err)
			}
		}
		overSince("bob", sessionKept-time.Hour)
		for range 2 { // the first may be what the cleaner begins with at the start
			overSince("ann", sessionKept+time.Hour)
			fill(t, r, `UPDATE invites SET expires_at = 1 WHERE code = ?`, invite(t, r, as["ann"], "den", 1))
			if _, err := r.SpendTicket(t.Context(), "ann", "a ticket", chat.TimeFromMilli(1)); err != nil {
				t.Fatal(err)
			}
			if lease := r.Lease("a secret"); lease != nil { // SQLite has a single instance
				if _, err := lease.Renew(t.Context(), time.Minute); err != nil {
					t.Fatal(err)
				}
				fill(t, r, `UPDATE instances SET expires_at = 1`)
			}
			r.cleaner.again.Reset(0) // as if cleanEvery had passed
			for what, query := range map[string]string{
				"the session":          `SELECT count(*) - 1 FROM sessions WHERE username = 'ann'`,
				"the invite":           `SELECT count(*) FROM invites`,
				"the ticket":           `SELECT count(*) FROM spent_tickets`,
				"the instance's lease": `SELECT count(*) FROM instances`,
			} {
				eventually(t, what+" to go", func() bool { return number(t, r, query) == 0 })
			}
		}
		if n := number(t, r, `SELECT count(*) FROM sessions WHERE username = 'bob'`); n != 2 {
			t.Errorf("bob has %d sessions, want his own and the one that is kept a while", n)
		}
	})
}
