package repository

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/pressly/goose/v3"
)

// migrate brings the schema up to the newest step that this program knows.
func migrate(ctx context.Context, d *dialect, db *sql.DB) error {
	p, err := goose.NewProvider(d.goose, db, d.migrations)
	if err != nil {
		return fmt.Errorf("reading the migrations: %w", err)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrating the database: %w", err)
	}
	return nil
}
