-- +goose NO TRANSACTION
-- +goose Up

-- The parts of the unique index in another order: keys that begin with the time of their
-- making (UUID version 7), as the page and the Go client make them, come to its end, and a
-- batch changes one page of it instead of one a message.
-- A build that broke off leaves an index that is not valid, so it is dropped first.
DROP INDEX CONCURRENTLY IF EXISTS messages_key;
CREATE UNIQUE INDEX CONCURRENTLY messages_key ON messages (client_id, author, chat) WHERE client_id IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS messages_client_id;
