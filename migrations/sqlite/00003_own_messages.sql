-- +goose Up

-- How many of a chat's messages each member wrote, within one membership, up to the
-- position in counted. memberships.seen holds those that came before this step, and
-- those that were there when he joined. The rows of memberships that have ended stay, as
-- those do.
CREATE TABLE own_messages (
    username   TEXT    NOT NULL,
    chat       TEXT    NOT NULL,
    joined_pos INTEGER NOT NULL,
    messages   INTEGER NOT NULL,
    PRIMARY KEY (username, chat, joined_pos)
) STRICT, WITHOUT ROWID;

CREATE TABLE counted (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    pos INTEGER NOT NULL
) STRICT;
INSERT INTO counted (one, pos) SELECT one, counted FROM head;
ALTER TABLE head DROP COLUMN counted;
