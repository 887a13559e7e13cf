-- +goose Up

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
    kind TEXT NOT NULL,
    id   TEXT NOT NULL,
    PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;
INSERT INTO endings (kind, id) SELECT 'chat', id FROM chats WHERE deleted_pos IS NOT NULL AND last_message IS NOT NULL;
DROP INDEX chats_deleted;

-- Keys that have to stay with the data, by name.
CREATE TABLE keys (
    name TEXT PRIMARY KEY,
    key  BLOB NOT NULL
) STRICT;
