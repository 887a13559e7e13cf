package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"parley/repository"
)

// sqliteFile is the database's name in the data folder.
const sqliteFile = "parley.db"

// OpenStore opens the database that the settings name, for a command that works
// beside a serving process. It heeds Data and Database alone. With create, a data
// folder that is not there is made; else that is a mistake, so that a command run
// in the wrong place does not begin an empty database there.
func OpenStore(ctx context.Context, s Settings, create bool, log *slog.Logger) (*repository.Repository, error) {
	s = s.withDefaults()
	var r reading
	p := plan{data: s.Data, database: r.database(s)}
	if err := errors.Join(r.mistakes...); err != nil {
		return nil, err
	}
	switch {
	case p.database != "":
	case create:
		if err := makeFolder(p.data); err != nil {
			return nil, err
		}
	default:
		if _, err := os.Stat(filepath.Join(p.data, sqliteFile)); err != nil {
			return nil, &Mistake{"data", fmt.Sprintf("there is no database in %s: name the folder of the server's data", p.data)}
		}
	}
	return p.open(ctx, repository.Options{Log: log})
}

// open opens the database and says of an error which setting may cure it.
func (p plan) open(ctx context.Context, o repository.Options) (*repository.Repository, error) {
	setting := "database"
	o.URL = p.database
	if o.URL == "" {
		setting, o.URL = "data", "sqlite:"+filepath.Join(p.data, sqliteFile)
	}
	repo, err := repository.Open(ctx, o)
	switch {
	case errors.Is(err, repository.ErrServed):
		return nil, &Mistake{setting, "another process serves this database already: stop that one, or give this one a folder of its own"}
	case err != nil && ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, &Mistake{setting, fmt.Sprintf("the database cannot be opened: %s", oneLine(err))}
	}
	return repo, nil
}

// makeFolder makes the data folder, for its owner alone, and sees that files can
// be made in it.
func makeFolder(folder string) error {
	err := os.MkdirAll(folder, 0o700)
	if err == nil {
		var f *os.File
		if f, err = os.CreateTemp(folder, ".writable-*"); err == nil {
			err = errors.Join(f.Close(), os.Remove(f.Name()))
		}
	}
	if err != nil {
		return &Mistake{"data", fmt.Sprintf("%s is no folder that can be written: %s: name another, or change whose it is", folder, oneLine(err))}
	}
	return nil
}

// usesFolder says that something is kept in the data folder.
func (p plan) usesFolder() bool { return p.database == "" || p.secret == nil }

// oneLine keeps an error on the one line that a start has for it.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }
