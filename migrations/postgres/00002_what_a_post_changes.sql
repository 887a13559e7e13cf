-- +goose Up

-- Of what happens in a chat, messages_chat finds the messages. This finds all else,
-- and a post, of which there are so many more, has one index less to keep.
DROP INDEX events_chat;
CREATE UNIQUE INDEX events_beside ON events (chat, pos NULLS FIRST) WHERE chat IS NOT NULL AND kind <> 'message';

-- memberships.seen holds a member's own messages up to this position. Those behind
-- it, about a thousand at the most, are counted when it is asked what is unread.
ALTER TABLE head ADD COLUMN counted bigint NOT NULL DEFAULT 0;
UPDATE head SET counted = pos;
