package server

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"

	"parley/repository"
)

// RestoreStore puts a backup in the place of the SQLite database that the settings name,
// and begins a new life of it. It returns where the database that was there is kept now;
// empty if there was none. It heeds Data and Database alone.
func RestoreStore(ctx context.Context, s Settings, file string, log *slog.Logger) (kept string, err error) {
	s = s.withDefaults()
	var r reading
	p := plan{data: s.Data, database: r.database(s)}
	if err := errors.Join(r.mistakes...); err != nil {
		return "", err
	}
	if p.database != "" {
		return "", &Mistake{"database", "restore PostgreSQL by pg_restore while no server runs: the next start notices by itself"}
	}
	if err := makeFolder(p.data); err != nil {
		return "", err
	}
	kept, err = repository.RestoreSQLite(ctx, filepath.Join(p.data, sqliteFile), file)
	if errors.Is(err, repository.ErrServed) {
		return "", &Mistake{"data", "a server has this database open: stop it first"}
	}
	if err != nil {
		return kept, err
	}
	repo, err := p.open(ctx, repository.Options{Log: log})
	if err != nil {
		return kept, err
	}
	return kept, repo.Close()
}
