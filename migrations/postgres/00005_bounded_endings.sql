-- +goose Up

-- A lock that is not had soon is given up: every other statement on the table waits behind
-- a statement that waits for it. head comes first, because every batch of posts begins there.
SET LOCAL lock_timeout = '30s';
LOCK TABLE head, sessions, users, chats, memberships, events, messages IN ACCESS EXCLUSIVE MODE;

-- Of text ids only equality and the order of their bytes matter. The order of any other
-- collation may change with the operating system, and a unique index would not notice.
DROP INDEX messages_chat;
DROP INDEX messages_client_id;
DROP INDEX events_beside;
DROP INDEX events_titles;
ALTER TABLE messages
    ALTER COLUMN chat TYPE text COLLATE "C",
    ALTER COLUMN author TYPE text COLLATE "C",
    ALTER COLUMN client_id TYPE text COLLATE "C";
ALTER TABLE events
    ALTER COLUMN chat TYPE text COLLATE "C",
    ALTER COLUMN username TYPE text COLLATE "C",
    ALTER COLUMN session TYPE text COLLATE "C";
ALTER INDEX messages_chat_bytes RENAME TO messages_chat;
ALTER INDEX messages_client_id_bytes RENAME TO messages_client_id;
ALTER INDEX events_beside_bytes RENAME TO events_beside;
ALTER INDEX events_titles_bytes RENAME TO events_titles;

ALTER TABLE head ALTER COLUMN writer TYPE text COLLATE "C";
ALTER TABLE writers ALTER COLUMN id TYPE text COLLATE "C";
ALTER TABLE users ALTER COLUMN username TYPE text COLLATE "C";
ALTER TABLE sessions
    ALTER COLUMN id TYPE text COLLATE "C",
    ALTER COLUMN username TYPE text COLLATE "C";
ALTER TABLE chats ALTER COLUMN id TYPE text COLLATE "C";
ALTER TABLE memberships
    ALTER COLUMN username TYPE text COLLATE "C",
    ALTER COLUMN chat TYPE text COLLATE "C";
ALTER TABLE own_messages
    ALTER COLUMN username TYPE text COLLATE "C",
    ALTER COLUMN chat TYPE text COLLATE "C";

-- A user's present memberships in the order of their chats: pages of the list, and the
-- count that bounds it.
CREATE UNIQUE INDEX memberships_of ON memberships (username, chat) WHERE left_pos IS NULL;
-- A chat's owners are looked for when one leaves, however many members there are.
CREATE INDEX memberships_owners ON memberships (chat) WHERE role = 'owner' AND left_pos IS NULL;

-- A session that has ended has its refresh_expires_at lowered to that moment. It is deleted
-- a while later.
CREATE INDEX sessions_expiry ON sessions (refresh_expires_at);

-- What has ended at one row and still has others to close or to erase: a deleted chat, or a
-- disabled user. A background job works on them, and deletes the row when it is done.
CREATE TABLE endings (
    kind text COLLATE "C" NOT NULL,
    id   text COLLATE "C" NOT NULL,
    PRIMARY KEY (kind, id)
);
INSERT INTO endings (kind, id) SELECT 'chat', id FROM chats WHERE deleted_pos IS NOT NULL AND last_message IS NOT NULL;
DROP INDEX chats_deleted;

-- Keys that have to stay with the data, by name.
CREATE TABLE keys (
    name text COLLATE "C" PRIMARY KEY,
    key  bytea NOT NULL
);
