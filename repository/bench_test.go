package repository

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/auth"
	"parley/chat"
)

// people makes n users with a session each.
func people(t testing.TB, r *Repository, n int) []chat.Actor {
	t.Helper()
	actors := make([]chat.Actor, n)
	var wg sync.WaitGroup
	errs := make(chan error, n)
	for i := range actors {
		actors[i] = chat.Actor{Username: fmt.Sprintf("user%d", i), Session: fmt.Sprintf("session%d", i)}
		wg.Go(func() { errs <- signIn(t.Context(), r, actors[i]) })
	}
	wg.Wait()
	for range actors {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
	return actors
}

func signIn(ctx context.Context, r *Repository, a chat.Actor) error {
	if _, err := r.CreateUser(ctx, auth.NewUser{Username: a.Username, DisplayName: a.Username, PasswordHash: "x"}); err != nil {
		return err
	}
	now := time.Now()
	return r.CreateSession(ctx, auth.Session{ID: a.Session, Username: a.Username, SessionTokens: auth.SessionTokens{
		RefreshHash: []byte("hash"), RefreshedAt: now, RefreshExpires: now.Add(time.Hour), AccessExpires: now.Add(time.Hour)}})
}

func BenchmarkPost(b *testing.B) {
	for _, database := range []string{"sqlite", "postgres"} {
		for _, chats := range []int{1, 1000} {
			b.Run(fmt.Sprintf("%s/chats=%d", database, chats), func(b *testing.B) { benchmarkPost(b, database, chats) })
		}
	}
}

func benchmarkPost(b *testing.B, database string, chats int) {
	s := freshStore(b, database)
	r := s.open(b)
	const clients = 256
	actors := people(b, r, clients)
	var wg sync.WaitGroup
	for c := range chats {
		wg.Go(func() {
			id := fmt.Sprintf("chat%d", c)
			if _, err := r.CreateChat(b.Context(), actors[0], chat.NewChat{ID: id, Visibility: chat.Public}); err != nil {
				b.Error(err)
			}
			for k := 1; k < clients; k++ {
				if chats > 1 && k%32 != c%32 {
					continue
				}
				if _, err := r.PutMember(b.Context(), actors[0], id, actors[k].Username, ""); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for _, n := range []int{1, 8, 64, 256} {
		for _, way := range []string{"plain", "batch"} {
			b.Run(fmt.Sprintf("clients=%d/%s", n, way), func(b *testing.B) {
				post := func(client, i int) error {
					c := 0
					if chats > 1 {
						c = (client + 32*(i*7919)) % (chats - 1)
						c = c - c%32 + client%32
						if c >= chats {
							c = client % 32
						}
					}
					_, err := r.Post(b.Context(), actors[client], chat.Post{Chat: fmt.Sprintf("chat%d", c), Text: "Hello, everybody, how are you today?"})
					return err
				}
				if way == "plain" {
					db := r.pool.DB
					if database == "sqlite" {
						db = r.writer.db.DB
						r.writer.disconnect() // safe while nothing posts
					}
					db.SetMaxOpenConns(min(n, 64))
					db.SetMaxIdleConns(64)
					if database == "sqlite" {
						db.SetMaxOpenConns(1)
					}
					plain := newPlain(b, r, db)
					post = func(client, i int) error {
						c := 0
						if chats > 1 {
							c = (client + 32*(i*7919)) % (chats - 1)
						}
						return plain.post(fmt.Sprintf("chat%d", c), actors[client].Username, "Hello, everybody, how are you today?")
					}
				}
				var i atomic.Int64
				var wg sync.WaitGroup
				b.ResetTimer()
				for client := range n {
					wg.Go(func() {
						for k := i.Add(1); k <= int64(b.N); k = i.Add(1) {
							if err := post(client, int(k)); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				wg.Wait()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "posts/s")
			})
		}
	}
}

// plain is the way without a writer: each post in a transaction of its own.
type plain struct {
	r  *Repository
	db *sql.DB
	id atomic.Int64
}

func newPlain(b *testing.B, r *Repository, db *sql.DB) *plain {
	if _, err := db.Exec(`CREATE TABLE IF NOT EXISTS plain (id bigint PRIMARY KEY, chat text NOT NULL, seq bigint NOT NULL, author text NOT NULL, text text NOT NULL, created_at bigint NOT NULL)`); err != nil {
		b.Fatal(err)
	}
	if _, err := db.Exec(`CREATE UNIQUE INDEX IF NOT EXISTS plain_chat ON plain (chat, seq)`); err != nil {
		b.Fatal(err)
	}
	p := &plain{r: r, db: db}
	p.id.Store(time.Now().UnixNano())
	return p
}

func (p *plain) post(chatID, author, text string) error {
	ctx := context.Background()
	conn, err := p.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	begin := `BEGIN`
	if p.r.dialect == sqliteDialect {
		begin = `BEGIN IMMEDIATE`
	}
	if _, err := conn.ExecContext(ctx, begin); err != nil {
		return err
	}
	var seq int64
	err = conn.QueryRowContext(ctx, p.r.dialect.rebind(`UPDATE chats SET seq = seq + 1 WHERE id = ? RETURNING seq`), chatID).Scan(&seq)
	if err == nil {
		_, err = conn.ExecContext(ctx, p.r.dialect.rebind(`INSERT INTO plain (id, chat, seq, author, text, created_at) VALUES (?, ?, ?, ?, ?, ?)`),
			p.id.Add(1), chatID, seq, author, text, time.Now().UnixMilli())
	}
	if err != nil {
		conn.ExecContext(ctx, `ROLLBACK`)
		return err
	}
	_, err = conn.ExecContext(ctx, `COMMIT`)
	return err
}
