-- +goose NO TRANSACTION
-- +goose Up

-- Text ids are compared by their bytes from the next step on. An index on a text column is
-- rebuilt when the column's collation changes, unless it names that collation already. The
-- indexes of the two large tables are therefore built here, beside those in use and while
-- the previous release goes on; the next step then changes the catalogue alone.
-- A build that broke off leaves an index that is not valid, so each is dropped first.
DROP INDEX CONCURRENTLY IF EXISTS messages_chat_bytes;
CREATE UNIQUE INDEX CONCURRENTLY messages_chat_bytes ON messages (chat COLLATE "C", id NULLS FIRST);

DROP INDEX CONCURRENTLY IF EXISTS messages_client_id_bytes;
CREATE UNIQUE INDEX CONCURRENTLY messages_client_id_bytes
    ON messages (chat COLLATE "C", author COLLATE "C", client_id COLLATE "C") WHERE client_id IS NOT NULL;

DROP INDEX CONCURRENTLY IF EXISTS events_beside_bytes;
CREATE UNIQUE INDEX CONCURRENTLY events_beside_bytes
    ON events (chat COLLATE "C", pos NULLS FIRST) WHERE chat IS NOT NULL AND kind <> 'message';

DROP INDEX CONCURRENTLY IF EXISTS events_titles_bytes;
CREATE INDEX CONCURRENTLY events_titles_bytes ON events (chat COLLATE "C") WHERE title IS NOT NULL;
