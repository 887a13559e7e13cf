-- +goose Up

-- How far each member has read: the message of the marker, and by it what is unread. A marker
-- belongs to one membership and counts no more when that has ended. seen takes the place of
-- the membership's own: how many of the chat's messages up to the marker are no news to the
-- member.
CREATE TABLE read_markers (
    chat       TEXT    NOT NULL,
    username   TEXT    NOT NULL,
    joined_pos INTEGER NOT NULL,
    id         INTEGER NOT NULL,
    seen       INTEGER NOT NULL,
    PRIMARY KEY (chat, username)
) STRICT, WITHOUT ROWID;

-- Who has a stream open at an instance: on one chat, or on all of the user's, which is ''. It
-- counts as long as the instance's lease does. A file is served by one process, which has
-- nobody to tell: here it stays empty.
CREATE TABLE presences (
    username TEXT NOT NULL,
    chat     TEXT NOT NULL,
    instance TEXT NOT NULL REFERENCES instances (id) ON DELETE CASCADE,
    PRIMARY KEY (username, chat, instance)
) STRICT;
CREATE INDEX presences_of ON presences (instance);
