-- +goose Up

-- The instances that serve this database. Each holds a lease, which ends at expires_at by
-- the database's clock. One that has ended is never extended: its instance takes a new one
-- under another id. secret tells one signing secret from another, without betraying it.
-- A file is served by one process, which has nobody to tell: here they stay empty.
CREATE TABLE instances (
    id         TEXT    PRIMARY KEY,
    secret     TEXT    NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

-- How many streams an instance holds of a user, of those users that the others have to know
-- of. It counts as long as the instance's lease does.
CREATE TABLE instance_streams (
    username TEXT    NOT NULL,
    instance TEXT    NOT NULL REFERENCES instances (id),
    streams  INTEGER NOT NULL,
    PRIMARY KEY (username, instance)
) STRICT;
CREATE INDEX instance_streams_of ON instance_streams (instance);
