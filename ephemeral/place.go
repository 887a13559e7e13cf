package ephemeral

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"parley/auth"
	"parley/chat"
	"parley/server"
)

// prefix begins the name of every folder that is a place.
const prefix = "parley-ephemeral-"

// Place is a folder for one server, with the users of a seed in its database.
type Place struct {
	folder string
	seed   Seed
}

// New makes a place, with the seed's users. The rest of the seed is put there by
// [Place.Fill], through the server.
func New(ctx context.Context, seed Seed) (*Place, error) {
	folder, err := os.MkdirTemp(memory(), prefix)
	if err != nil {
		return nil, fmt.Errorf("making a folder for the server: %w", err)
	}
	p := &Place{folder, seed}
	if err := p.makeUsers(ctx); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// Folder is where the server keeps its data.
func (p *Place) Folder() string { return p.folder }

// Settings are s for a server at the place. It has a secret of its own unless s has one.
func (p *Place) Settings(s server.Settings) server.Settings {
	s.Data, s.Database = p.folder, ""
	if s.JWTSecret == "" {
		s.JWTSecret = rand.Text() + rand.Text()
	}
	return s
}

// makeUsers makes the users beside the server that is to come, because it may let nobody
// sign up, and because only an admin makes another.
func (p *Place) makeUsers(ctx context.Context) error {
	repo, err := server.OpenStore(ctx, server.Settings{Data: p.folder}, true, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	accounts := auth.New(auth.Options{Store: repo})
	for i := range p.seed.Users {
		u := &p.seed.Users[i]
		asked := u.signUp()
		u.Password = asked.Password
		if _, err = accounts.MakeUser(ctx, chat.Actor{Kind: chat.Operator}, auth.MadeUser{SignUp: asked, Admin: u.Admin}); err != nil {
			err = at(err, "/users/%d", i)
			break
		}
	}
	return errors.Join(err, repo.Close())
}

// Close removes the place. The server that was there has ended.
func (p *Place) Close() error { return Remove(p.folder) }

// Remove removes the folder of a place whose process may have ended, and nothing else.
func Remove(folder string) error {
	if !filepath.IsAbs(folder) || !strings.HasPrefix(filepath.Base(folder), prefix) {
		return fmt.Errorf("%s is no folder of an ephemeral server", folder)
	}
	return os.RemoveAll(folder)
}
