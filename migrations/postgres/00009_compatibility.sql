-- +goose Up

-- Which programs may serve this schema although they do not know its newest steps: those that
-- know it up to oldest. A step that they could not live with raises it to its own number.
CREATE TABLE compatibility (
    one    smallint PRIMARY KEY CHECK (one = 1),
    oldest bigint NOT NULL
);
INSERT INTO compatibility (one, oldest) VALUES (1, 9);
