package repository

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"

	"parley/chat"
)

const (
	// maxTokenUses is how many notes wait to be stored. While the database is away, others are
	// lost: the next use of the token makes a new one.
	maxTokenUses = 1 << 14
	// tokenUsesAtOnce is how many notes one statement stores.
	tokenUsesAtOnce = 500
)

// tokenUses stores, as a background job, when script tokens were last used, so that no
// request waits for that.
type tokenUses struct {
	*backgroundJob
	r *Repository

	mu      sync.Mutex
	waiting map[string]int64 // when the token with an id was last used
}

// tokenUse is a note as the database is told of it.
type tokenUse struct {
	ID string `json:"id"`
	At int64  `json:"at"`
}

func newTokenUses(r *Repository, log *slog.Logger) *tokenUses {
	u := &tokenUses{r: r, waiting: make(map[string]int64)}
	u.backgroundJob = newBackgroundJob("storing when script tokens were used", log, u.store)
	return u
}

// TokenUsed implements [auth.TokenStore].
func (r *Repository) TokenUsed(id string, at chat.Time) {
	r.tokenUses.note(tokenUse{id, at.UnixMilli()})
}

// note has a use stored. It does not block.
func (u *tokenUses) note(use tokenUse) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.waiting) < maxTokenUses || u.waiting[use.ID] != 0 {
		u.waiting[use.ID] = max(u.waiting[use.ID], use.At)
		u.wake()
	}
}

// take removes notes that wait, as many as one statement stores.
func (u *tokenUses) take() (some []tokenUse) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for id, at := range u.waiting {
		if len(some) == tokenUsesAtOnce {
			break
		}
		some = append(some, tokenUse{id, at})
		delete(u.waiting, id)
	}
	return some
}

// storeTokenUses notes when tokens were last used. Instances may tell of one token in any order.
const storeTokenUses = `UPDATE sessions SET refreshed_at = used.at
	FROM (SELECT value ->> 'id' AS id, CAST(value ->> 'at' AS bigint) AS at FROM %s) used
	WHERE sessions.id = used.id AND sessions.kind = 'token' AND sessions.refreshed_at < used.at`

// store stores the notes that wait until there are none. What the database does not take
// waits again.
func (u *tokenUses) store(ctx context.Context) error {
	for {
		some := u.take()
		if len(some) == 0 {
			return nil
		}
		uses, err := json.Marshal(some)
		if err == nil {
			_, err = u.r.beside(ctx, fmt.Sprintf(storeTokenUses, u.r.dialect.each), string(uses))
		}
		if err != nil {
			for _, use := range some {
				u.note(use)
			}
			return err
		}
	}
}
