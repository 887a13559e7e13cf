// Package migrations holds the database's schema as numbered steps, the same
// ones for SQLite and for PostgreSQL. They only go forward: a step that has
// landed is never changed and never undone.
package migrations

import "embed"

// SQLite holds sqlite/*.sql.
//
//go:embed sqlite/*.sql
var SQLite embed.FS

// Postgres holds postgres/*.sql.
//
//go:embed postgres/*.sql
var Postgres embed.FS
