-- +goose Up

-- A message's text is replaced by an edit, last at edited_at, and erased by a deletion.
-- changed_pos is the position of the latest event that changed the message. reactions are all
-- of them as its readers are shown them: a line for each emoji, with a count and the first users.
ALTER TABLE messages ADD COLUMN edited_at INTEGER;
ALTER TABLE messages ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE messages ADD COLUMN changed_pos INTEGER;
ALTER TABLE messages ADD COLUMN reactions TEXT;

-- The replies to a message, in their order.
CREATE INDEX messages_replies ON messages (reply_to, id) WHERE reply_to IS NOT NULL;

-- Who reacted to what, since which position.
CREATE TABLE reactions (
    message  INTEGER NOT NULL,
    username TEXT    NOT NULL,
    emoji    TEXT    NOT NULL,
    pos      INTEGER NOT NULL,
    PRIMARY KEY (message, username, emoji)
) STRICT, WITHOUT ROWID;
CREATE INDEX reactions_in_order ON reactions (message, emoji, pos);
