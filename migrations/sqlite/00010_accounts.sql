-- +goose Up

-- An admin administers the service. A bot has no password; an admin makes its tokens. A user
-- of another issuer is the subject of that issuer's tokens, and has no password either. An
-- account that was closed at closed_pos is disabled there too; its row stays, so that its
-- name is never used again.
ALTER TABLE users ADD COLUMN admin      INTEGER NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN bot        INTEGER NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN issuer     TEXT;
ALTER TABLE users ADD COLUMN subject    TEXT;
ALTER TABLE users ADD COLUMN closed_pos INTEGER;
CREATE UNIQUE INDEX users_foreign ON users (issuer, subject) WHERE issuer IS NOT NULL;
CREATE INDEX users_admins ON users (username) WHERE admin AND disabled_pos IS NULL;

-- Every credential is a session: a sign-in, a script token, or a session of another issuer.
-- One condition tells of all of them whether they give access, and one event ends them.
-- A script token has a name, its scopes, the chats that it is restricted to, and the hash of
-- its secret. Its access_expires_at and refresh_expires_at are its end, and refreshed_at is
-- when it was last used, 0 before. Tokens and foreign sessions have no refresh token.
ALTER TABLE sessions ADD COLUMN kind       TEXT NOT NULL DEFAULT 'sign-in';
ALTER TABLE sessions ADD COLUMN user_agent TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN address    TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN name       TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN scopes     TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN chats      TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN token_hash BLOB;
-- A user's live sessions and tokens, each in the order of their pages.
CREATE INDEX sessions_of ON sessions (username, kind, id) WHERE ended_pos IS NULL;
DROP INDEX sessions_live;

-- An invite lets people sign up, or join a chat, or both. It is over when it was used often
-- enough, and when it has expired.
CREATE TABLE invites (
    code       TEXT    PRIMARY KEY,
    creator    TEXT    NOT NULL REFERENCES users (username),
    signup     INTEGER NOT NULL,
    chat       TEXT    REFERENCES chats (id),
    uses       INTEGER NOT NULL,
    used       INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX invites_of ON invites (creator, code);
CREATE INDEX invites_expiry ON invites (expires_at);

-- The stream tickets that were used, until they would have ended.
CREATE TABLE spent_tickets (
    id         TEXT    PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX spent_tickets_expiry ON spent_tickets (expires_at);
