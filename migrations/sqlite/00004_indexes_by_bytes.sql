-- +goose Up

-- SQLite compares text by its bytes. This step is PostgreSQL's alone.
SELECT 1;
