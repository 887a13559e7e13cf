package postgres

import "parley/repository/posts"

// statements are prepared once a connection. They look things up by
// LATERAL with a LIMIT, because into that a planner cannot reach: of an ordinary
// join it thinks that reading an index from end to end is cheap, as long as it
// believes the table to be small. They are many and small: one large statement was
// measured to cost the server several times as much, most likely because an
// executor that needs more than 128 kB has the C library ask the system for the
// memory each time anew. A batch of a single post has a statement for each of its
// two messages, because without arrays they stay small, and then each that is
// spared is a gain.
var statements = []string{
	`PREPARE parley_permission (text, text, text) AS
	SELECT 1, EXISTS (SELECT FROM sessions s WHERE s.id = $3 AND s.username = $2 AND ` + posts.LiveSession + `),
		c.seq, COALESCE(c.visibility, ''),
		COALESCE((SELECT role FROM memberships WHERE chat = $1 AND username = $2 AND left_pos IS NULL), '')
	FROM (SELECT) one LEFT JOIN chats c ON c.id = $1 AND c.deleted_pos IS NULL`,

	`PREPARE parley_post (bigint, text, bigint, text, text, bigint, text, text, text, bigint, text, bigint) AS
	WITH message AS (INSERT INTO messages (id, chat, seq, author, text, reply_to, client_id, post_hash, origin, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)),
		event AS (INSERT INTO events (pos, message, chat, seq, kind, at) VALUES ($1, $1, $2, $3, 'message', $10)),
		chat AS (UPDATE chats SET messages = messages + 1, seq = $3, head = $1, last_message = $1 WHERE id = $2)
	UPDATE head SET pos = $1, writer = $11, batch = $12 WHERE one = 1`,

	`PREPARE parley_actors (text[], text[]) AS
	SELECT p.n, l.live
	FROM unnest($1, $2) WITH ORDINALITY AS p (author, session, n)
	CROSS JOIN LATERAL (SELECT ` + posts.LiveSession + ` AS live FROM sessions s WHERE id = p.session AND username = p.author LIMIT 1) l`,

	`PREPARE parley_places (text[], text[]) AS
	SELECT p.n, c.seq, c.visibility, COALESCE(m.role, '')
	FROM unnest($1, $2) WITH ORDINALITY AS p (chat, author, n)
	CROSS JOIN LATERAL (SELECT seq, visibility FROM chats WHERE id = p.chat AND deleted_pos IS NULL LIMIT 1) c
	LEFT JOIN LATERAL (SELECT role FROM memberships
		WHERE chat = p.chat AND username = p.author AND left_pos IS NULL LIMIT 1) m ON true`,

	`PREPARE parley_keys (text[], text[], text[]) AS
	SELECT p.n, k.*
	FROM unnest($1, $2, $3) WITH ORDINALITY AS p (chat, author, client_id, n)
	CROSS JOIN LATERAL (SELECT m.post_hash, ` + posts.MessageColumns + ` FROM messages m
		WHERE m.chat = p.chat AND m.author = p.author AND m.client_id = p.client_id LIMIT 1) k`,

	`PREPARE parley_changed (bigint[], text[], text[], bigint) AS
	SELECT p.n,
		CASE WHEN c.reactions IS NOT NULL THEN (SELECT json_agg(emoji) FROM reactions WHERE message = p.id AND username = p.author) END,
		CASE WHEN p.emoji IS NOT NULL THEN (SELECT json_agg(username ORDER BY pos) FROM (SELECT username, pos FROM reactions
			WHERE message = p.id AND emoji = p.emoji ORDER BY pos LIMIT $4) first) END,
		c.*
	FROM unnest($1, $2, $3) WITH ORDINALITY AS p (id, author, emoji, n)
	CROSS JOIN LATERAL (SELECT ` + posts.MessageColumns + ` FROM messages m WHERE m.id = p.id LIMIT 1) c`,

	`PREPARE parley_replies (text[], bigint[]) AS
	SELECT p.n, r.chat = p.chat
	FROM unnest($1, $2) WITH ORDINALITY AS p (chat, reply_to, n)
	CROSS JOIN LATERAL (SELECT chat FROM messages WHERE id = p.reply_to LIMIT 1) r`,

	`PREPARE parley_events (bigint, bigint) AS
	SELECT kind, chat, seq FROM events WHERE pos > $1 ORDER BY pos LIMIT $2`,

	`PREPARE parley_messages (bigint[], text[], bigint[], text[], text[], bigint[], text[], text[], text[], bigint) AS
	WITH p AS MATERIALIZED (SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9)
			AS p (id, chat, seq, author, text, reply_to, client_id, post_hash, origin)),
		message AS (INSERT INTO messages (id, chat, seq, author, text, reply_to, client_id, post_hash, origin, created_at)
			SELECT *, $10 FROM p)
	INSERT INTO events (pos, message, chat, seq, kind, at) SELECT id, id, chat, seq, 'message', $10 FROM p`,

	// What is changed is all there: its "insertion" is the one way of changing many
	// rows for which a planner has no choice but to find each by the index.
	`PREPARE parley_chats (text[], bigint[], bigint[], bigint[], bigint[]) AS
	INSERT INTO chats (id, seq, head, messages, last_message, title, visibility, created_at)
	SELECT p.*, '', '', 0 FROM unnest($1, $2, $3, $4, $5) p
	ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, head = excluded.head, messages = chats.messages + excluded.messages,
		last_message = COALESCE(excluded.last_message, chats.last_message)`,

	`PREPARE parley_changes (bigint[], bigint[], text[], bigint[], text[], bigint) AS
	INSERT INTO events (pos, message, chat, seq, kind, at) SELECT p.*, $6 FROM unnest($1, $2, $3, $4, $5) p`,

	`PREPARE parley_texts (bigint[], text[], bigint[], boolean[], bigint[], text[]) AS
	INSERT INTO messages (id, text, edited_at, deleted, changed_pos, reactions, chat, seq, author, created_at)
	SELECT p.id, COALESCE(p.text, ''), p.edited_at, p.deleted, p.changed_pos, p.reactions, '', 0, '', 0
	FROM unnest($1, $2, $3, $4, $5, $6) AS p (id, text, edited_at, deleted, changed_pos, reactions)
	ON CONFLICT (id) DO UPDATE SET text = excluded.text, edited_at = excluded.edited_at, deleted = excluded.deleted,
		changed_pos = excluded.changed_pos, reactions = excluded.reactions`,

	`PREPARE parley_came (bigint[], text[], text[], bigint[]) AS
	INSERT INTO reactions (message, username, emoji, pos) SELECT * FROM unnest($1, $2, $3, $4) ON CONFLICT DO NOTHING`,

	`PREPARE parley_went (bigint[], text[], text[]) AS
	DELETE FROM reactions WHERE ctid = ANY (ARRAY(SELECT r.ctid
		FROM unnest($1, $2, $3) AS p (message, username, emoji)
		CROSS JOIN LATERAL (SELECT ctid FROM reactions
			WHERE message = p.message AND username = p.username AND emoji = p.emoji LIMIT 1) r))`,

	`PREPARE parley_bared (bigint[]) AS
	INSERT INTO endings (kind, id) SELECT 'message', id::text FROM unnest($1) AS p (id) ON CONFLICT DO NOTHING`,

	// A row's lock is had by the first that asks, and the connection that has just given it up
	// asks before a waiting one is awake. This lock is handed on in the order of the queue.
	`PREPARE parley_turn AS SELECT pg_advisory_xact_lock(1886547820, 'head'::regclass::oid::integer)`,

	`PREPARE parley_lock AS SELECT pos, writer, batch FROM head WHERE one = 1 FOR UPDATE`,

	// Divides by zero if the head, of which there is always a row, is another one: a text
	// has no other way to go on only under a condition. Where the row was changed while its
	// lock was waited for, it is looked at again (PostgreSQL manual 13.2.1).
	`PREPARE parley_expect (bigint, text, bigint) AS
	SELECT 1 / CASE WHEN pos = $1 AND writer = $2 AND batch = $3 THEN 1 ELSE 0 END FROM head WHERE one = 1 FOR UPDATE`,

	`PREPARE parley_head (bigint, text, bigint) AS UPDATE head SET pos = $1, writer = $2, batch = $3 WHERE one = 1`,

	`PREPARE parley_writer (text, bigint, bigint) AS
	INSERT INTO writers (id, batch, at) VALUES ($1, $2, $3)
	ON CONFLICT (id) DO UPDATE SET batch = excluded.batch, at = excluded.at`,
}
