-- +goose Up

-- The log's head: the position of its newest event, and the last batch that was
-- committed, by its writer and that one's count. Every batch locks this row
-- first and raises it last.
CREATE TABLE head (
    one    INTEGER PRIMARY KEY CHECK (one = 1),
    pos    INTEGER NOT NULL,
    writer TEXT    NOT NULL DEFAULT '',
    batch  INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO head (one, pos) VALUES (1, 0);

-- The last batch of each other writer, kept by the one that raised the head after
-- it. Whoever does not know how his commit ended takes the head's lock and finds
-- his last batch there or here.
CREATE TABLE writers (
    id    TEXT    PRIMARY KEY,
    batch INTEGER NOT NULL,
    at    INTEGER NOT NULL
) STRICT;

-- Times are milliseconds since the Unix epoch; a column _pos is a position in
-- the log, and NULL until the thing it tells of has happened.
CREATE TABLE users (
    username      TEXT    PRIMARY KEY,
    display_name  TEXT    NOT NULL,
    password_hash TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,
    disabled_pos  INTEGER
) STRICT;

-- A session is one sign-in. Of its refresh token only a hash is kept.
CREATE TABLE sessions (
    id                 TEXT    PRIMARY KEY,
    username           TEXT    NOT NULL REFERENCES users (username),
    created_at         INTEGER NOT NULL,
    access_expires_at  INTEGER NOT NULL,
    refresh_hash       BLOB    NOT NULL,
    refresh_generation INTEGER NOT NULL,
    refreshed_at       INTEGER NOT NULL,
    refresh_expires_at INTEGER NOT NULL,
    ended_pos          INTEGER
) STRICT;
CREATE INDEX sessions_live ON sessions (username) WHERE ended_pos IS NULL;

-- seq and head belong to the chat's latest event, last_message is a message's
-- id, messages is how many there are. A deleted chat keeps its row, so that its id
-- is never used again.
CREATE TABLE chats (
    id           TEXT    PRIMARY KEY,
    title        TEXT    NOT NULL,
    visibility   TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    seq          INTEGER NOT NULL,
    head         INTEGER NOT NULL,
    last_message INTEGER,
    messages     INTEGER NOT NULL DEFAULT 0,
    deleted_pos  INTEGER
) STRICT;
CREATE INDEX chats_public ON chats (id) WHERE visibility = 'public' AND deleted_pos IS NULL;
CREATE INDEX chats_deleted ON chats (id) WHERE deleted_pos IS NOT NULL;

-- A membership is an interval of positions: from its member.joined to its
-- member.left or chat.deleted, both included. seen is how many of the chat's
-- messages are no news to its member: those before he joined, and his own since.
CREATE TABLE memberships (
    username   TEXT    NOT NULL REFERENCES users (username),
    chat       TEXT    NOT NULL REFERENCES chats (id),
    joined_pos INTEGER NOT NULL,
    left_pos   INTEGER,
    role       TEXT    NOT NULL,
    joined_at  INTEGER NOT NULL,
    seen       INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (username, chat, joined_pos)
) STRICT;
CREATE UNIQUE INDEX memberships_present ON memberships (chat, username) WHERE left_pos IS NULL;

-- A text is stored here and nowhere else. There are no foreign keys on messages
-- and events: the batch has read what they refer to under the head's lock.
CREATE TABLE messages (
    id         INTEGER PRIMARY KEY,
    chat       TEXT    NOT NULL,
    seq        INTEGER NOT NULL,
    author     TEXT    NOT NULL,
    text       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    reply_to   INTEGER,
    client_id  TEXT,
    post_hash  TEXT,
    origin     TEXT
) STRICT;
CREATE UNIQUE INDEX messages_chat ON messages (chat, id);
CREATE UNIQUE INDEX messages_client_id ON messages (chat, author, client_id) WHERE client_id IS NOT NULL;

-- The log. A message's event points to the message; the others carry what they
-- tell of.
CREATE TABLE events (
    pos        INTEGER PRIMARY KEY,
    kind       TEXT    NOT NULL,
    chat       TEXT,
    seq        INTEGER,
    at         INTEGER NOT NULL,
    message    INTEGER,
    username   TEXT,
    role       TEXT,
    title      TEXT,
    visibility TEXT,
    session    TEXT
) STRICT;
CREATE UNIQUE INDEX events_chat ON events (chat, pos) WHERE chat IS NOT NULL;
-- The titles that a chat has had, which go with it.
CREATE INDEX events_titles ON events (chat) WHERE title IS NOT NULL;
