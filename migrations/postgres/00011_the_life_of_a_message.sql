-- +goose NO TRANSACTION
-- +goose Up

-- Each step may be there already, if an earlier try broke off behind it. A lock that is not
-- had soon is given up: every other statement on the table waits behind one that waits for it.
SET lock_timeout = '30s';

-- A message's text is replaced by an edit, last at edited_at, and erased by a deletion.
-- changed_pos is the position of the latest event that changed the message. reactions are all
-- of them as its readers are shown them: a line for each emoji, with a count and the first users.
ALTER TABLE messages
    ADD COLUMN IF NOT EXISTS edited_at   bigint,
    ADD COLUMN IF NOT EXISTS deleted     boolean NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS changed_pos bigint,
    ADD COLUMN IF NOT EXISTS reactions   text;

-- Who reacted to what, since which position.
CREATE TABLE IF NOT EXISTS reactions (
    message  bigint NOT NULL,
    username text COLLATE "C" NOT NULL,
    emoji    text COLLATE "C" NOT NULL,
    pos      bigint NOT NULL,
    PRIMARY KEY (message, username, emoji)
);
CREATE INDEX IF NOT EXISTS reactions_in_order ON reactions (message, emoji, pos);

RESET lock_timeout;

-- The replies to a message, in their order. A build that broke off leaves an index that is
-- not valid, so it is dropped first.
DROP INDEX CONCURRENTLY IF EXISTS messages_replies;
CREATE INDEX CONCURRENTLY messages_replies ON messages (reply_to, id NULLS FIRST) WHERE reply_to IS NOT NULL;
