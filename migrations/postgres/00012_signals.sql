-- +goose Up

-- How far each member has read: the message of the marker, and by it what is unread. A marker
-- belongs to one membership and counts no more when that has ended. seen takes the place of
-- the membership's own: how many of the chat's messages up to the marker are no news to the
-- member. It is written beside the batches, behind no lock of theirs.
CREATE TABLE read_markers (
    chat       text COLLATE "C" NOT NULL,
    username   text COLLATE "C" NOT NULL,
    joined_pos bigint NOT NULL,
    id         bigint NOT NULL,
    seen       bigint NOT NULL,
    PRIMARY KEY (chat, username)
) WITH (fillfactor = 70);

-- Who has a stream open at an instance: on one chat, or on all of the user's, which is ''. It
-- counts as long as the instance's lease does.
CREATE TABLE presences (
    username text COLLATE "C" NOT NULL,
    chat     text COLLATE "C" NOT NULL,
    instance text COLLATE "C" NOT NULL REFERENCES instances (id) ON DELETE CASCADE,
    PRIMARY KEY (username, chat, instance)
) WITH (fillfactor = 50);
CREATE INDEX presences_of ON presences (instance);
