package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/jmoiron/sqlx"

	"parley/chat"
)

// seed is what a database holds before it is measured: people, each of them in
// all chats, and the messages that they posted in turn, one chat after the other.
// The log is gapless, as parley would have written it.
type seed struct {
	people, chats int
	// messages is a multiple of chats.
	messages int
	// length is how many characters a message has; with 0, as many as text.
	length int
	// accounts are users beside the people, each the owner and the one member of so
	// many chats, each, which are numbered after those of the people.
	accounts, each int
	// outsiders are users in no chat.
	outsiders int
	// passwordHash is that of all users.
	passwordHash string
}

// text is every message: a line of the length that people write.
const text = "This is about as long as what people say to one another in a chat, most of the time."

// The names of what a seed makes, which count from 1.
func username(n int) string  { return "person-" + strconv.Itoa(n) }
func account(n int) string   { return "account-" + strconv.Itoa(n) }
func outsider(n int) string  { return "outsider-" + strconv.Itoa(n) }
func sessionID(n int) string { return "session-" + strconv.Itoa(n) }
func chatID(n int) string    { return "chat-" + strconv.Itoa(n) }

// actor is one of the people as parley knows them once the token is checked.
func (s seed) actor(n int) chat.Actor {
	n = n%s.people + 1
	return chat.Actor{Username: username(n), Session: sessionID(n)}
}

// messageID is the id of a chat's nth message, both from 1.
func (s seed) messageID(ch, n int) int64 {
	return int64(s.people*s.chats + (n-1)*s.chats + ch)
}

// ownChat is the number of an account's nth chat, both from 1.
func (s seed) ownChat(account, n int) int { return s.chats + (account-1)*s.each + n }

// textOf is a text of so many characters; of 0, it is text itself.
func textOf(length int) string {
	if length == 0 {
		return text
	}
	return strings.Repeat(text, length/len(text)+1)[:length]
}

// seedSQL is one SQL text for both databases. The log begins with the people's
// joining of every chat; the messages follow, and then the accounts' making of their
// chats.
const seedSQL = `
INSERT INTO users (username, display_name, password_hash, created_at)
	WITH RECURSIVE p(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM p WHERE n < {people})
	SELECT 'person-' || n, 'Person ' || n, '{hash}', {now} FROM p;

INSERT INTO sessions (id, username, created_at, access_expires_at, refresh_hash, refresh_generation, refreshed_at, refresh_expires_at)
	WITH RECURSIVE p(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM p WHERE n < {people})
	SELECT 'session-' || n, 'person-' || n, {now}, {never}, {bytes}, 0, {now}, {never} FROM p;

INSERT INTO chats (id, title, visibility, created_at, seq, messages, head, last_message)
	WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {chats})
	SELECT 'chat-' || n, 'Chat ' || n, 'private', {now}, {people} + {messages} / {chats}, {messages} / {chats},
		CASE WHEN {messages} = 0 THEN n * {people} ELSE {people} * {chats} + {messages} - {chats} + n END,
		CASE WHEN {messages} = 0 THEN NULL ELSE {people} * {chats} + {messages} - {chats} + n END
	FROM c;

INSERT INTO memberships (username, chat, joined_pos, role, joined_at, seen)
	WITH RECURSIVE e(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM e WHERE n < {people} * {chats} - 1)
	SELECT 'person-' || (n % {people} + 1), 'chat-' || (n / {people} + 1), n + 1,
		CASE WHEN n % {people} = 0 THEN 'owner' ELSE 'member' END, {now},
		({messages} / {chats} + {people} - 1 - n % {people}) / {people}
	FROM e;

INSERT INTO events (pos, kind, chat, seq, at, username, role)
	WITH RECURSIVE e(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM e WHERE n < {people} * {chats} - 1)
	SELECT n + 1, 'member.joined', 'chat-' || (n / {people} + 1), n % {people} + 1, {now}, 'person-' || (n % {people} + 1),
		CASE WHEN n % {people} = 0 THEN 'owner' ELSE 'member' END
	FROM e;

INSERT INTO messages (id, chat, seq, author, text, created_at)
	WITH RECURSIVE m(n) AS (SELECT 0 WHERE {messages} > 0 UNION ALL SELECT n + 1 FROM m WHERE n < {messages} - 1)
	SELECT {people} * {chats} + n + 1, 'chat-' || (n % {chats} + 1), {people} + n / {chats} + 1,
		'person-' || (n / {chats} % {people} + 1), '{text}', {now}
	FROM m;

INSERT INTO events (pos, kind, chat, seq, at, message)
	SELECT id, 'message', chat, seq, created_at, id FROM messages ORDER BY id;

INSERT INTO users (username, display_name, password_hash, created_at)
	WITH RECURSIVE a(n) AS (SELECT 1 WHERE {accounts} > 0 UNION ALL SELECT n + 1 FROM a WHERE n < {accounts})
	SELECT 'account-' || n, 'Account ' || n, '{hash}', {now} FROM a;

INSERT INTO users (username, display_name, password_hash, created_at)
	WITH RECURSIVE o(n) AS (SELECT 1 WHERE {outsiders} > 0 UNION ALL SELECT n + 1 FROM o WHERE n < {outsiders})
	SELECT 'outsider-' || n, 'Outsider ' || n, '{hash}', {now} FROM o;

INSERT INTO events (pos, kind, chat, seq, at, username, role)
	WITH RECURSIVE e(n) AS (SELECT 0 WHERE {accounts} > 0 UNION ALL SELECT n + 1 FROM e WHERE n < {accounts} * {each} - 1)
	SELECT {people} * {chats} + {messages} + n + 1, 'member.joined', 'chat-' || ({chats} + n + 1), 1, {now},
		'account-' || (n / {each} + 1), 'owner'
	FROM e;

INSERT INTO chats (id, title, visibility, created_at, seq, messages, head, last_message)
	SELECT chat, 'One of many', 'private', at, 1, 0, pos, NULL FROM events WHERE pos > {people} * {chats} + {messages};

INSERT INTO memberships (username, chat, joined_pos, role, joined_at, seen)
	SELECT username, chat, pos, role, at, 0 FROM events WHERE pos > {people} * {chats} + {messages};

UPDATE head SET pos = {people} * {chats} + {messages} + {accounts} * {each};
UPDATE counted SET pos = {people} * {chats} + {messages} + {accounts} * {each};
`

// now and never are times of the seed: none of its rows depends on the clock.
const (
	now   = 1_750_000_000_000
	never = 4_000_000_000_000
)

// insert fills an empty database.
func (s seed) insert(ctx context.Context, db *sqlx.DB) error {
	if strings.ContainsRune(s.passwordHash+text, '\'') {
		return fmt.Errorf("a quote in the seed's texts")
	}
	bytes := `'\x00'::bytea`
	if db.DriverName() == "sqlite" {
		bytes = `X'00'`
	}
	statements := strings.NewReplacer(
		"{people}", strconv.Itoa(s.people), "{chats}", strconv.Itoa(s.chats), "{messages}", strconv.Itoa(s.messages),
		"{now}", strconv.Itoa(now), "{never}", strconv.Itoa(never), "{bytes}", bytes,
		"{accounts}", strconv.Itoa(s.accounts), "{each}", strconv.Itoa(max(s.each, 1)), "{outsiders}", strconv.Itoa(s.outsiders),
		"{hash}", s.passwordHash, "{text}", textOf(s.length),
	).Replace(seedSQL)
	tx, err := db.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for statement := range strings.SplitSeq(statements, ";\n") {
		if strings.TrimSpace(statement) == "" {
			continue
		}
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", strings.Fields(statement)[2], err)
		}
	}
	return tx.Commit()
}
