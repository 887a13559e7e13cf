-- +goose Up

-- A lock that is not had soon is given up: every other statement on the table waits behind
-- a statement that waits for it. head comes first, because every batch of posts begins there.
SET LOCAL lock_timeout = '30s';
LOCK TABLE head, sessions, users IN ACCESS EXCLUSIVE MODE;

-- An admin administers the service. A bot has no password; an admin makes its tokens. A user
-- of another issuer is the subject of that issuer's tokens, and has no password either. An
-- account that was closed at closed_pos is disabled there too; its row stays, so that its
-- name is never used again.
ALTER TABLE users
    ADD COLUMN admin      boolean NOT NULL DEFAULT false,
    ADD COLUMN bot        boolean NOT NULL DEFAULT false,
    ADD COLUMN issuer     text COLLATE "C",
    ADD COLUMN subject    text COLLATE "C",
    ADD COLUMN closed_pos bigint;
CREATE UNIQUE INDEX users_foreign ON users (issuer, subject) WHERE issuer IS NOT NULL;
CREATE INDEX users_admins ON users (username) WHERE admin AND disabled_pos IS NULL;

-- Every credential is a session: a sign-in, a script token, or a session of another issuer.
-- One condition tells of all of them whether they give access, and one event ends them.
-- A script token has a name, its scopes, the chats that it is restricted to, and the hash of
-- its secret. Its access_expires_at and refresh_expires_at are its end, and refreshed_at is
-- when it was last used, 0 before. Tokens and foreign sessions have no refresh token.
ALTER TABLE sessions
    ADD COLUMN kind       text COLLATE "C" NOT NULL DEFAULT 'sign-in',
    ADD COLUMN user_agent text NOT NULL DEFAULT '',
    ADD COLUMN address    text NOT NULL DEFAULT '',
    ADD COLUMN name       text NOT NULL DEFAULT '',
    ADD COLUMN scopes     text NOT NULL DEFAULT '',
    ADD COLUMN chats      text NOT NULL DEFAULT '',
    ADD COLUMN token_hash bytea;
-- A user's live sessions and tokens, each in the order of their pages.
CREATE INDEX sessions_of ON sessions (username, kind, id) WHERE ended_pos IS NULL;
DROP INDEX sessions_live;

-- An invite lets people sign up, or join a chat, or both. It is over when it was used often
-- enough, and when it has expired.
CREATE TABLE invites (
    code       text COLLATE "C" PRIMARY KEY,
    creator    text COLLATE "C" NOT NULL REFERENCES users (username),
    signup     boolean NOT NULL,
    chat       text COLLATE "C" REFERENCES chats (id),
    uses       integer NOT NULL,
    used       integer NOT NULL DEFAULT 0,
    created_at bigint  NOT NULL,
    expires_at bigint  NOT NULL
);
CREATE INDEX invites_of ON invites (creator, code);
CREATE INDEX invites_expiry ON invites (expires_at);

-- The stream tickets that were used, until they would have ended.
CREATE TABLE spent_tickets (
    id         text COLLATE "C" PRIMARY KEY,
    expires_at bigint NOT NULL
);
CREATE INDEX spent_tickets_expiry ON spent_tickets (expires_at);
