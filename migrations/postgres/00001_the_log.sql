-- +goose Up

-- The log's head: the position of its newest event, and the last batch that was
-- committed, by its writer and that one's count. Every batch locks this row
-- first and raises it last, so the row dies many times a second: it is alone in
-- its table, its page keeps room for the versions that HOT updates need, and
-- autovacuum comes for it often.
CREATE TABLE head (
    one    smallint PRIMARY KEY CHECK (one = 1),
    pos    bigint   NOT NULL,
    writer text     NOT NULL DEFAULT '',
    batch  bigint   NOT NULL DEFAULT 0
) WITH (
    fillfactor = 10,
    autovacuum_vacuum_threshold = 500,
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_cost_delay = 0
);
INSERT INTO head (one, pos) VALUES (1, 0);

-- The last batch of each other writer, kept by the one that raised the head after
-- it. Whoever does not know how his commit ended takes the head's lock and finds
-- his last batch there or here.
CREATE TABLE writers (
    id    text   PRIMARY KEY,
    batch bigint NOT NULL,
    at    bigint NOT NULL
) WITH (
    fillfactor = 10,
    autovacuum_vacuum_threshold = 500,
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_cost_delay = 0
);

-- Times are milliseconds since the Unix epoch; a column _pos is a position in
-- the log, and NULL until the thing it tells of has happened.
CREATE TABLE users (
    username      text   PRIMARY KEY,
    display_name  text   NOT NULL,
    password_hash text   NOT NULL,
    created_at    bigint NOT NULL,
    disabled_pos  bigint
);

-- A session is one sign-in. Of its refresh token only a hash is kept.
CREATE TABLE sessions (
    id                 text   PRIMARY KEY,
    username           text   NOT NULL REFERENCES users (username),
    created_at         bigint NOT NULL,
    access_expires_at  bigint NOT NULL,
    refresh_hash       bytea  NOT NULL,
    refresh_generation bigint NOT NULL,
    refreshed_at       bigint NOT NULL,
    refresh_expires_at bigint NOT NULL,
    ended_pos          bigint
);
CREATE INDEX sessions_live ON sessions (username) WHERE ended_pos IS NULL;

-- seq and head belong to the chat's latest event, last_message is a message's
-- id, messages is how many there are. A deleted chat keeps its row, so that its id
-- is never used again.
CREATE TABLE chats (
    id           text   PRIMARY KEY,
    title        text   NOT NULL,
    visibility   text   NOT NULL,
    created_at   bigint NOT NULL,
    seq          bigint NOT NULL,
    head         bigint NOT NULL,
    last_message bigint,
    messages     bigint NOT NULL DEFAULT 0,
    deleted_pos  bigint
) WITH (fillfactor = 70);
CREATE INDEX chats_public ON chats (id) WHERE visibility = 'public' AND deleted_pos IS NULL;
CREATE INDEX chats_deleted ON chats (id) WHERE deleted_pos IS NOT NULL;

-- A membership is an interval of positions: from its member.joined to its
-- member.left or chat.deleted, both included. seen is how many of the chat's
-- messages are no news to its member: those before he joined, and his own since.
CREATE TABLE memberships (
    username   text   NOT NULL REFERENCES users (username),
    chat       text   NOT NULL REFERENCES chats (id),
    joined_pos bigint NOT NULL,
    left_pos   bigint,
    role       text   NOT NULL,
    joined_at  bigint NOT NULL,
    seen       bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (username, chat, joined_pos)
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX memberships_present ON memberships (chat, username) WHERE left_pos IS NULL;

-- A text is stored here and nowhere else. There are no foreign keys on messages
-- and events: the batch has read what they refer to under the head's lock, and a
-- key's check locks a row for each message.
CREATE TABLE messages (
    id         bigint PRIMARY KEY,
    chat       text   NOT NULL,
    seq        bigint NOT NULL,
    author     text   NOT NULL,
    text       text   NOT NULL,
    created_at bigint NOT NULL,
    reply_to   bigint,
    client_id  text,
    post_hash  text,
    origin     text
);
-- NULLS FIRST, though there are none, is how a query says that it means this
-- index and no walk through the primary key past what was said elsewhere.
CREATE UNIQUE INDEX messages_chat ON messages (chat, id NULLS FIRST);
CREATE UNIQUE INDEX messages_client_id ON messages (chat, author, client_id) WHERE client_id IS NOT NULL;

-- The log. A message's event points to the message; the others carry what they
-- tell of.
CREATE TABLE events (
    pos        bigint PRIMARY KEY,
    kind       text   NOT NULL,
    chat       text,
    seq        bigint,
    at         bigint NOT NULL,
    message    bigint,
    username   text,
    role       text,
    title      text,
    visibility text,
    session    text
);
CREATE UNIQUE INDEX events_chat ON events (chat, pos NULLS FIRST) WHERE chat IS NOT NULL;
-- The titles that a chat has had, which go with it.
CREATE INDEX events_titles ON events (chat) WHERE title IS NOT NULL;
