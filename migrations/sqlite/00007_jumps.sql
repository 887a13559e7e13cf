-- +goose Up

-- Where the log left out positions, because some of them may have been handed out in a
-- life of the database that is gone: all between before and pos. The event at pos is of
-- the kind jump.
CREATE TABLE jumps (
    pos    INTEGER PRIMARY KEY,
    before INTEGER NOT NULL
) STRICT;

-- By which the service knows this life of the database again. A restore brings back
-- another one than is found beside it. Empty until it is known.
CREATE TABLE life (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    identity TEXT NOT NULL
) STRICT;
INSERT INTO life (one, identity) VALUES (1, '');
