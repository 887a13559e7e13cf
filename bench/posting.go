package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/google/uuid"

	"parley/chat"
	"parley/repository"
)

// spread is over which chats posts go.
type spread struct {
	name string
	// pick chooses a chat's number, from 1.
	pick func() int
}

// spreads are those that the posts of a seed are measured with.
func spreads(s seed) []spread {
	return []spread{
		{count(s.chats, "chat"), func() int { return 1 + rand.IntN(s.chats) }},
		{"one chat", func() int { return 1 }},
	}
}

// posting compares parley's log with the plain way.
func posting(engines []*engine, scale scale) section {
	s := section{
		title: "Durable posting: one transaction for a batch (parley), also of posts with a key, beside one for each post (plain)",
		columns: []string{"database", "spread", "clients", "ratio", "wanted", "met", "keyed ratio", "wanted", "met",
			"plain posts/s", "parley posts/s", "keyed posts/s", "parley p50", "parley p99", "keyed p99"},
	}
	for _, e := range engines {
		for _, spread := range spreads(scale.posters) {
			s.groups = append(s.groups, postingGroup(e, spread, scale))
		}
	}
	return s
}

// postingGroup measures one database and spread at all numbers of clients. Both
// ways begin on a new database, so that each has its own rows alone to carry.
func postingGroup(e *engine, spread spread, scale scale) group {
	var parley, plain *database
	var repo *repository.Repository
	g := group{
		name:  fmt.Sprintf("posting/%s/%s", e.name, spread.name),
		lasts: 2 * scale.seeding,
		open: func(ctx context.Context) (err error) {
			if parley, err = e.newDatabase(ctx, scale.posters); err != nil {
				return err
			}
			if plain, err = e.newDatabase(ctx, scale.posters); err != nil {
				return err
			}
			if err := e.plain.prepare(ctx, plain); err != nil {
				return err
			}
			repo, err = parley.open(ctx)
			return err
		},
		close: func() (err error) {
			if repo != nil {
				err = repo.Close()
			}
			return errors.Join(err, parley.drop(), plain.drop())
		},
	}
	for _, clients := range scale.clients {
		l := scale.load(clients)
		g.cells = append(g.cells, cell{
			name:  count(clients, "client"),
			lasts: l.rounds(scale.turns, 3),
			measure: func(ctx context.Context) ([]string, error) {
				store, err := openPlain(ctx, plain, clients)
				if err != nil {
					return nil, err
				}
				defer store.Close()
				all, err := l.compare(ctx, scale.turns, logPosts(repo, scale.posters, spread),
					keyedPosts(repo, scale.posters, spread), plainPosts(store, spread))
				if err != nil {
					return nil, err
				}
				fast, keyed, slow := all[0], all[1], all[2]
				row := []string{e.name, spread.name, fmt.Sprint(clients)}
				row = append(row, ratioColumns(wantedRatio(e, spread, clients), fast.rate()/slow.rate())...)
				row = append(row, ratioColumns(wantedKeyed, keyed.rate()/fast.rate())...)
				return append(row, perSecond(slow.rate()), perSecond(fast.rate()), perSecond(keyed.rate()),
					milliseconds(fast.took(0.5)), milliseconds(fast.took(0.99)), milliseconds(keyed.took(0.99))), nil
			},
		})
	}
	return g
}

// wantedKeyed is how many posts with a key are to be stored, for one without.
const wantedKeyed = 0.9

// ratioColumns are those of a ratio that is to be reached: the ratio, what is wanted,
// and whether that is met.
func ratioColumns(wanted, ratio float64) []string {
	return []string{fmt.Sprintf("%.2f", ratio), fmt.Sprintf("≥ %.1f", wanted), met(ratio >= wanted)}
}

// wantedRatio is how many times as fast as the plain way parley is to be.
func wantedRatio(e *engine, s spread, clients int) float64 {
	switch {
	case e.plain != plainPostgres || clients != 64:
		return 0.9
	case strings.HasPrefix(s.name, "one"):
		return 10
	default:
		return 4
	}
}

// logPosts posts to parley's log itself, without a ClientID: the plain way knows
// none.
func logPosts(repo *repository.Repository, s seed, to spread) operation {
	return func(_ context.Context, client, _ int) error {
		_, err := repo.Post(context.Background(), s.actor(client), chat.Post{Chat: chatID(to.pick()), Text: text})
		return err
	}
}

// keyedPosts is logPosts with a ClientID on each post, of the kind that the page and the
// Go client send.
func keyedPosts(repo *repository.Repository, s seed, to spread) operation {
	return func(_ context.Context, client, _ int) error {
		post := chat.Post{Chat: chatID(to.pick()), Text: text, ClientID: uuid.Must(uuid.NewV7()).String()}
		_, err := repo.Post(context.Background(), s.actor(client), post)
		return err
	}
}

func plainPosts(store *plainStore, to spread) operation {
	return func(_ context.Context, client, _ int) error {
		return store.post(chatID(to.pick()), store.seed.actor(client).Username)
	}
}

// drop removes the database; a nil one is none.
func (db *database) drop() error {
	if db == nil {
		return nil
	}
	return db.remove()
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

func perSecond(rate float64) string { return fmt.Sprintf("%.0f", rate) }

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.2f ms", float64(d)/float64(time.Millisecond))
}

func met(b bool) string {
	if b {
		return "yes"
	}
	return "NO"
}
