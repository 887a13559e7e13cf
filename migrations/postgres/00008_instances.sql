-- +goose Up

-- The instances that serve this database. Each holds a lease, which ends at expires_at by
-- the database's clock. One that has ended is never extended: its instance takes a new one
-- under another id. secret tells one signing secret from another, without betraying it.
CREATE TABLE instances (
    id         text COLLATE "C" PRIMARY KEY,
    secret     text   NOT NULL,
    expires_at bigint NOT NULL
) WITH (fillfactor = 50);

-- How many streams an instance holds of a user, of those users that the others have to know
-- of. It counts as long as the instance's lease does.
CREATE TABLE instance_streams (
    username text COLLATE "C" NOT NULL,
    instance text COLLATE "C" NOT NULL REFERENCES instances (id),
    streams  integer NOT NULL,
    PRIMARY KEY (username, instance)
) WITH (fillfactor = 50);
CREATE INDEX instance_streams_of ON instance_streams (instance);
