-- +goose Up

-- What an older program counts until this step is over would be counted twice.
LOCK TABLE head IN ACCESS EXCLUSIVE MODE;

-- How many of a chat's messages each member wrote, within one membership, up to the
-- position in counted. memberships.seen holds those that came before this step, and
-- those that were there when he joined. Only who counts writes here, beside the
-- batches and behind no lock of theirs: the lock on counted's row is his. The rows of
-- memberships that have ended stay, as those do.
CREATE TABLE own_messages (
    username   text   NOT NULL,
    chat       text   NOT NULL,
    joined_pos bigint NOT NULL,
    messages   bigint NOT NULL,
    PRIMARY KEY (username, chat, joined_pos)
) WITH (fillfactor = 70);

CREATE TABLE counted (
    one smallint PRIMARY KEY CHECK (one = 1),
    pos bigint   NOT NULL
) WITH (fillfactor = 10);
INSERT INTO counted (one, pos) SELECT one, counted FROM head;
ALTER TABLE head DROP COLUMN counted;
