-- +goose Up

-- Where the log left out positions, because some of them may have been handed out in a
-- life of the database that is gone: all between before and pos. The event at pos is of
-- the kind jump.
CREATE TABLE jumps (
    pos    bigint PRIMARY KEY,
    before bigint NOT NULL
);

-- By which the service knows this life of the database again. A restore brings back
-- another one than is found beside it. Empty until it is known.
CREATE TABLE life (
    one      smallint PRIMARY KEY CHECK (one = 1),
    identity text NOT NULL
);
INSERT INTO life (one, identity) VALUES (1, '');
