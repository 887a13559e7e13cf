package repository

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"

	"parley/chat"
)

// undoBoundedEndings takes a database back to its third schema.
func undoBoundedEndings(t testing.TB, r *Repository) {
	t.Helper()
	statements := []string{
		`DROP INDEX messages_replies`,
		`DROP TABLE reactions`,
		`DROP INDEX memberships_of`,
		`DROP INDEX memberships_owners`,
		`DROP INDEX sessions_expiry`,
		`DROP INDEX messages_key`,
		`CREATE UNIQUE INDEX messages_client_id ON messages (chat, author, client_id) WHERE client_id IS NOT NULL`,
		`DROP TABLE endings`,
		`DROP TABLE keys`,
		`DROP INDEX sessions_of`,
		`CREATE INDEX sessions_live ON sessions (username) WHERE ended_pos IS NULL`,
		`DROP INDEX users_foreign`,
		`DROP INDEX users_admins`,
		`DROP TABLE invites`,
		`DROP TABLE spent_tickets`,
		`DROP TABLE compatibility`,
		`DROP TABLE read_markers`,
		`DROP TABLE presences`,
		`DROP TABLE instance_streams`,
		`DROP TABLE instances`,
		`DROP TABLE jumps`,
		`DROP TABLE life`,
		`CREATE INDEX chats_deleted ON chats (id) WHERE deleted_pos IS NOT NULL`,
		`DELETE FROM goose_db_version WHERE version_id > 3`,
	}
	for table, columns := range map[string][]string{
		"messages": {"edited_at", "deleted", "changed_pos", "reactions"},
		"users":    {"admin", "bot", "issuer", "subject", "closed_pos"},
		"sessions": {"kind", "user_agent", "address", "name", "scopes", "chats", "token_hash"},
	} {
		for _, column := range columns {
			statements = append(statements, `ALTER TABLE `+table+` DROP COLUMN `+column)
		}
	}
	for _, statement := range statements {
		fill(t, r, statement)
	}
	statements = nil
	if r.dialect == postgresDialect {
		for _, id := range textIDs(t, r) {
			table, column, _ := strings.Cut(id, ".")
			if table != "endings" && table != "keys" && !strings.HasPrefix(table, "instance") {
				statements = append(statements, `ALTER TABLE `+table+` ALTER COLUMN `+column+` TYPE text COLLATE "default"`)
			}
		}
	}
	for _, statement := range statements {
		fill(t, r, statement)
	}
}

// textIDs are the columns of PostgreSQL that are compared by their bytes, "table.column".
func textIDs(t testing.TB, r *Repository) []string {
	t.Helper()
	columns, err := read(t.Context(), r, func(ctx context.Context, h handle) (columns []string, err error) {
		err = h.all(ctx, &columns, `SELECT table_name || '.' || column_name FROM information_schema.columns
			WHERE table_schema = 'public' AND collation_name = 'C' ORDER BY 1`)
		return columns, err
	})
	if err != nil {
		t.Fatal(err)
	}
	return columns
}

func TestTextIDsOnPostgreSQLCompareByBytes(t *testing.T) {
	t.Parallel()
	r := freshStore(t, "postgres").open(t)
	want := []string{
		"chats.id", "endings.id", "endings.kind", "events.chat", "events.session", "events.username", "head.writer",
		"instance_streams.instance", "instance_streams.username", "instances.id", "invites.chat", "invites.code", "invites.creator",
		"keys.name",
		"memberships.chat", "memberships.username", "messages.author", "messages.chat", "messages.client_id",
		"own_messages.chat", "own_messages.username", "presences.chat", "presences.instance", "presences.username",
		"reactions.emoji", "reactions.username", "read_markers.chat", "read_markers.username", "sessions.id", "sessions.kind", "sessions.username",
		"spent_tickets.id", "users.issuer", "users.subject", "users.username", "writers.id",
	}
	if got := textIDs(t, r); !slices.Equal(got, want) {
		t.Errorf("compared by bytes are\n%q, want\n%q", got, want)
	}
	// An index may have a collation of its own.
	others := number(t, r, `SELECT count(*) FROM pg_index i CROSS JOIN LATERAL unnest(i.indcollation::oid[]) AS c (oid)
		WHERE i.indrelid::regclass::text IN ('messages', 'events', 'users', 'sessions', 'memberships', 'chats', 'own_messages', 'writers')
			AND c.oid NOT IN (0, 'pg_catalog."C"'::regcollation)`)
	if others != 0 {
		t.Errorf("%d columns of indexes are compared otherwise", others)
	}
}

func TestALargeLogOnPostgreSQLIsMigratedWithoutARewriteOrTheRolesTimeouts(t *testing.T) {
	t.Parallel()
	s := freshStore(t, "postgres")
	r := s.open(t)
	ann := signUp(t, r, "ann")["ann"]
	makeChat(t, r, ann, "den", chat.Private, nil)
	fillChat(t, r, "den", "ann", 20_000)
	undoBoundedEndings(t, r)
	database := queried(t, r, `SELECT current_database()`)[0]
	fill(t, r, `ALTER DATABASE `+database+` SET statement_timeout = '15ms'`)
	fill(t, r, `ALTER DATABASE `+database+` SET lock_timeout = '1ms'`)
	files := `SELECT relname || ' ' || pg_relation_filenode(oid) FROM pg_class
		WHERE relname IN ('messages', 'messages_pkey', 'events', 'events_pkey') ORDER BY 1`
	before := queried(t, r, files)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}

	again := s.open(t)
	if after := queried(t, again, files); !slices.Equal(after, before) {
		t.Errorf("the files of the log are %q, and were %q", after, before)
	}
	if n := number(t, again, `SELECT count(*) FROM pg_index WHERE NOT indisvalid`); n != 0 {
		t.Errorf("%d indexes are not valid", n)
	}
	say(t, again, ann, "den", "hello")
	wantWholeLog(t, again)
}

// A build of an index that broke off leaves one that is not valid.
func TestAMigrationThatBrokeOffGoesOn(t *testing.T) {
	t.Parallel()
	s := freshStore(t, "postgres")
	r := s.open(t)
	undoBoundedEndings(t, r)
	fill(t, r, `CREATE UNIQUE INDEX messages_chat_bytes ON messages (chat COLLATE "C", id NULLS FIRST)`)
	fill(t, r, `UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'messages_chat_bytes'::regclass`)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if n := number(t, s.open(t), `SELECT count(*) FROM pg_index WHERE NOT indisvalid`); n != 0 {
		t.Errorf("%d indexes are not valid", n)
	}
}

// queried reads a column of text.
func queried(t testing.TB, r *Repository, query string) (texts []string) {
	t.Helper()
	if err := sqlx.SelectContext(t.Context(), r.pool, &texts, query); err != nil {
		t.Fatal(err)
	}
	return texts
}
