package repository

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/chat"
	"parley/e2e/need"
	"parley/repository/commitlog"
	"parley/repository/sqlite"
)

func TestANewerSchemaStopsTheStart(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		fill(t, r, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, ?)`, true)
		fill(t, r, `UPDATE compatibility SET oldest = 9999`)
		for _, serve := range []bool{true, false} {
			again, err := Open(t.Context(), Options{URL: s.url, Serve: serve})
			if err == nil {
				again.Close()
				t.Fatal("it started")
			}
			if !strings.Contains(err.Error(), "9999") || strings.Contains(err.Error(), "\n") {
				t.Errorf("the error is %q", err)
			}
		}
	})
}

func TestANewerSchemaThatIsCompatibleIsServed(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		fill(t, r, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, ?)`, true)
		again, err := Open(t.Context(), Options{URL: s.url})
		if err != nil {
			t.Fatal(err)
		}
		if err := again.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestInstancesThatStartTogetherMigrateOnce(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		open := func() error {
			// On a slow machine one may give up while the others migrate.
			for end := time.Now().Add(patience); ; {
				r, err := Open(t.Context(), Options{URL: s.url})
				if errors.Is(err, ErrServed) && time.Now().Before(end) {
					continue
				}
				if err != nil {
					return err
				}
				return r.Close()
			}
		}
		if err := errors.Join(together(open, open, open, open)...); err != nil {
			t.Error(err)
		}
	})
}

func TestADatabaseWhoseCommitsAreNotDurableIsRefused(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		r := freshStore(t, "sqlite").open(t)
		conn, err := r.pool.Connx(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		h := handle{conn, r.dialect}
		if err := sqlite.Durable(t.Context(), conn); err != nil {
			t.Errorf("as opened: %v", err)
		}
		for _, level := range []string{"OFF", "NORMAL"} {
			if _, err := h.exec(t.Context(), `PRAGMA synchronous = `+level); err != nil {
				t.Fatal(err)
			}
			if err := sqlite.Durable(t.Context(), conn); !errors.As(err, new(commitlog.NotDurable)) {
				t.Errorf("synchronous = %s: %v", level, err)
			}
		}
	})
	t.Run("postgres, by the address", func(t *testing.T) {
		r, err := Open(t.Context(), Options{URL: need.Postgres(t) + "&synchronous_commit=off"})
		if err == nil {
			r.Close()
		}
		if !errors.As(err, new(commitlog.NotDurable)) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("postgres, by the server", func(t *testing.T) {
		t.Parallel()
		cluster := need.NewCluster(t)
		s := &store{url: cluster.Database(t)}
		r := s.open(t)
		fill(t, r, `ALTER SYSTEM SET fsync = off`)
		cluster.Stop(t)
		cluster.Start(t)
		again, err := Open(t.Context(), Options{URL: s.url})
		if err == nil {
			again.Close()
		}
		if !errors.As(err, new(commitlog.NotDurable)) {
			t.Errorf("opening: %v", err)
		}
		// Who was there before finds out when he comes back; reads are still answered.
		_, err = r.Post(t.Context(), chat.Actor{}, chat.Post{Chat: "room", Text: "hello"})
		wantRefusal(t, err, chat.ErrUnavailable)
		eventually(t, "ready", func() bool { return r.Ready(t.Context()) == nil })
	})
}

func TestADatabaseThatCannotKeepEveryTextIsRefusedAndLeftAlone(t *testing.T) {
	t.Parallel()
	address := need.Postgres(t)
	db, err := sql.Open("postgres", address)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	name := "parley_test_latin_" + strings.ToLower(rand.Text())
	if _, err := db.ExecContext(t.Context(), `CREATE DATABASE `+name+` ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0`); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if _, err := db.Exec(`DROP DATABASE ` + name + ` WITH (FORCE)`); err != nil {
			t.Error(err)
		}
	}()
	latin, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	latin.Path = "/" + name
	r, err := Open(t.Context(), Options{URL: latin.String()})
	if err == nil {
		r.Close()
		t.Fatal("it started")
	}
	if text := err.Error(); !strings.Contains(text, "LATIN1") || !strings.Contains(text, "ENCODING 'UTF8'") || strings.Contains(text, "\n") {
		t.Errorf("the error is %q", text)
	}
	there, err := sql.Open("postgres", latin.String())
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	var tables int
	err = there.QueryRowContext(t.Context(), `SELECT count(*) FROM pg_tables WHERE schemaname = 'public'`).Scan(&tables)
	if err != nil || tables != 0 {
		t.Errorf("it has %d tables, %v", tables, err)
	}
}

func TestOneProcessServesASQLiteFile(t *testing.T) {
	t.Parallel()
	s := freshStore(t, "sqlite")
	serve := func() (*Repository, error) { return Open(t.Context(), Options{URL: s.url, Serve: true}) }
	first, err := serve()
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link.db")
	if err := os.Symlink(strings.TrimPrefix(s.url, "sqlite:"), link); err == nil {
		if _, err := Open(t.Context(), Options{URL: "sqlite:" + link, Serve: true}); !errors.Is(err, ErrServed) {
			t.Errorf("by another name: %v", err)
		}
	}
	if _, err := serve(); !errors.Is(err, ErrServed) {
		t.Errorf("a second one: %v", err)
	}
	signUp(t, s.open(t), "ann") // as a command beside it does
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second, err := serve()
	if err != nil {
		t.Fatalf("after the first has ended: %v", err)
	}
	if err := second.Close(); err != nil {
		t.Error(err)
	}
}

// schema lists columns and indexes in words that both databases share.
func schema(t *testing.T, r *Repository, columns, indexes string) (lines []string) {
	t.Helper()
	for _, query := range []string{columns, indexes} {
		got, err := read(t.Context(), r, func(ctx context.Context, h handle) (got []string, err error) {
			err = h.all(ctx, &got, query)
			return got, err
		})
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, got...)
	}
	slices.Sort(lines)
	return lines
}

func TestTheTwoSchemasAreTwins(t *testing.T) {
	t.Parallel()
	postgres := schema(t, freshStore(t, "postgres").open(t),
		`SELECT table_name || '.' || column_name || ' '
			|| CASE data_type WHEN 'bigint' THEN 'INTEGER' WHEN 'smallint' THEN 'INTEGER' WHEN 'bytea' THEN 'BLOB' WHEN 'boolean' THEN 'INTEGER' ELSE upper(data_type) END
			|| CASE is_nullable WHEN 'NO' THEN ' NOT NULL' ELSE '' END
		FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE 'goose%'`,
		`SELECT 'index ' || i.relname || ' on ' || t.relname || ' ' || x.indisunique || ' ' || (x.indpred IS NOT NULL) || ' '
			|| (SELECT string_agg(a.attname, ',' ORDER BY k.n) FROM unnest(x.indkey::int[]) WITH ORDINALITY k (attnum, n)
				JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.attnum WHERE k.n <= x.indnkeyatts)
		FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
			JOIN pg_namespace s ON s.oid = t.relnamespace
		WHERE s.nspname = 'public' AND NOT x.indisprimary AND t.relname NOT LIKE 'goose%'`)
	sqlite := schema(t, freshStore(t, "sqlite").open(t),
		`SELECT t.name || '.' || c.name || ' ' || c.type || CASE WHEN c."notnull" OR c.pk > 0 THEN ' NOT NULL' ELSE '' END
		FROM sqlite_schema t, pragma_table_info(t.name) c
		WHERE t.type = 'table' AND t.name NOT LIKE 'goose%' AND t.name NOT LIKE 'sqlite%'`,
		`SELECT 'index ' || i.name || ' on ' || t.name || ' ' || CASE WHEN i."unique" THEN 'true' ELSE 'false' END || ' '
			|| CASE WHEN i.partial THEN 'true' ELSE 'false' END || ' '
			|| (SELECT group_concat(name, ',' ORDER BY seqno) FROM pragma_index_info(i.name))
		FROM sqlite_schema t, pragma_index_list(t.name) i
		WHERE t.type = 'table' AND i.origin = 'c' AND t.name NOT LIKE 'goose%'`)
	if !slices.Equal(postgres, sqlite) {
		t.Errorf("PostgreSQL:\n%s\nSQLite:\n%s", strings.Join(postgres, "\n"), strings.Join(sqlite, "\n"))
	}
	if len(postgres) < 40 {
		t.Errorf("only %d columns and indexes were compared: %s", len(postgres), fmt.Sprint(postgres))
	}
}
