package repository

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/auth"
	"parley/chat"
	"parley/repository/sqlite"
)

const benchText = "Has anybody seen the keys to the small meeting room?"

// BenchmarkPost compares the log, with keys and without, with the plain way, in which
// each post is a transaction of its own that locks its chat, numbers, inserts and commits:
// 5 rounds of each in turn, of which it reports the medians. Run it with -benchtime=1x.
func BenchmarkPost(b *testing.B) {
	for _, database := range databases {
		for _, chats := range []int{1, 1000} {
			b.Run(fmt.Sprintf("%s/chats=%d", database, chats), func(b *testing.B) { benchmarkPost(b, database, chats) })
		}
	}
}

func benchmarkPost(b *testing.B, database string, chats int) {
	const clients = 256
	s := freshStore(b, database)
	r := s.open(b)
	actors := crowd(b, r, clients)
	severalAtOnce(b, chats, func(c int) error {
		_, err := r.CreateChat(b.Context(), actors[0], chat.NewChat{ID: benchChat(c), Visibility: chat.Public})
		for k := 1; k < clients && err == nil; k++ {
			if k%32 == c%32 || chats == 1 {
				_, err = r.PutMember(b.Context(), actors[0], benchChat(c), actors[k].Username, "")
			}
		}
		return err
	})
	plain := newPlainPoster(b, r, s, database)
	for _, n := range []int{1, 8, 64, 256} {
		b.Run(fmt.Sprintf("clients=%d", n), func(b *testing.B) {
			plain.db.SetMaxOpenConns(min(n, 64))
			if database == "sqlite" {
				plain.db.SetMaxOpenConns(1)
			}
			var batch, keyed, single []float64
			var key atomic.Int64
			post := func(client, i int, clientID string) error {
				c := (client%32 + 32*((client+i)%32)) % chats // one that the client is in
				_, err := r.Post(b.Context(), actors[client], chat.Post{Chat: benchChat(c), Text: benchText, ClientID: clientID})
				if chats > 1 && err != nil && c%32 != client%32 {
					return nil
				}
				return err
			}
			for range 5 {
				single = append(single, rate(b, n, func(client, i int) error {
					return plain.post(benchChat((client*31+i)%chats), actors[client].Username)
				}))
				batch = append(batch, rate(b, n, func(client, i int) error { return post(client, i, "") }))
				keyed = append(keyed, rate(b, n, func(client, i int) error {
					return post(client, i, strconv.FormatInt(key.Add(1), 36))
				}))
			}
			slices.Sort(batch)
			slices.Sort(keyed)
			slices.Sort(single)
			b.ReportMetric(single[2], "plain/s")
			b.ReportMetric(batch[2], "posts/s")
			b.ReportMetric(batch[2]/single[2], "times")
			b.ReportMetric(keyed[2]/batch[2], "keyed/unkeyed")
		})
	}
}

func benchChat(c int) string { return fmt.Sprintf("chat%d", c) }

// rate runs so many clients for a while and says how many calls a second they
// made.
func rate(b *testing.B, clients int, call func(client, i int) error) float64 {
	var n atomic.Int64
	began := time.Now()
	end := began.Add(400 * time.Millisecond)
	var wg sync.WaitGroup
	for client := range clients {
		wg.Go(func() {
			for i := 0; time.Now().Before(end); i++ {
				if err := call(client, i); err != nil {
					b.Error(err)
					return
				}
				n.Add(1)
			}
		})
	}
	wg.Wait()
	return float64(n.Load()) / time.Since(began).Seconds()
}

// crowd makes n users with a session each.
func crowd(t testing.TB, r *Repository, n int) []chat.Actor {
	t.Helper()
	actors := make([]chat.Actor, n)
	for i := range actors {
		actors[i] = chat.Actor{Username: fmt.Sprintf("user%d", i), Session: fmt.Sprintf("session%d", i)}
	}
	severalAtOnce(t, n, func(i int) error {
		a := actors[i]
		if _, err := r.CreateUser(t.Context(), auth.NewUser{Username: a.Username, DisplayName: a.Username, PasswordHash: "hash of " + a.Username}); err != nil {
			return err
		}
		s := newSession(a.Username)
		s.ID = a.Session
		return r.CreateSession(t.Context(), s)
	})
	return actors
}

// severalAtOnce calls f(0) … f(n-1), 16 of them at a time.
func severalAtOnce(t testing.TB, n int, f func(i int) error) {
	t.Helper()
	free := make(chan struct{}, 16)
	var wg sync.WaitGroup
	for i := range n {
		free <- struct{}{}
		wg.Go(func() {
			defer func() { <-free }()
			if err := f(i); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

// plainPoster posts the plain way.
type plainPoster struct {
	d     *dialect
	db    *sql.DB
	begin string
	id    atomic.Int64
}

func newPlainPoster(b testing.TB, r *Repository, s *store, database string) *plainPoster {
	p := &plainPoster{d: r.dialect, begin: `BEGIN`}
	if database == "sqlite" {
		p.begin = `BEGIN IMMEDIATE`
		pools, err := sqlite.Open(s.url[len("sqlite:"):])
		if err != nil {
			b.Fatal(err)
		}
		p.db = pools.Reading.DB
	} else {
		db, err := sql.Open("postgres", s.url+"&binary_parameters=yes")
		if err != nil {
			b.Fatal(err)
		}
		p.db = db
	}
	p.db.SetMaxOpenConns(1)
	p.db.SetMaxIdleConns(64)
	b.Cleanup(func() { p.db.Close() })
	for _, text := range []string{
		`CREATE TABLE plain (id bigint PRIMARY KEY, chat text NOT NULL, seq bigint NOT NULL, author text NOT NULL, text text NOT NULL, created_at bigint NOT NULL)`,
		`CREATE UNIQUE INDEX plain_chat ON plain (chat, seq)`,
	} {
		if _, err := p.db.Exec(text); err != nil {
			b.Fatal(err)
		}
	}
	return p
}

func (p *plainPoster) post(chatID, author string) error {
	ctx := context.Background()
	conn, err := p.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, p.begin); err != nil {
		return err
	}
	var seq int64
	err = conn.QueryRowContext(ctx, p.d.rebind(`UPDATE chats SET seq = seq + 1 WHERE id = ? RETURNING seq`), chatID).Scan(&seq)
	if err == nil {
		_, err = conn.ExecContext(ctx, p.d.rebind(`INSERT INTO plain (id, chat, seq, author, text, created_at) VALUES (?, ?, ?, ?, ?, ?)`),
			p.id.Add(1), chatID, seq, author, benchText, time.Now().UnixMilli())
	}
	if err != nil {
		_, _ = conn.ExecContext(ctx, `ROLLBACK`)
		return err
	}
	_, err = conn.ExecContext(ctx, `COMMIT`)
	return err
}
