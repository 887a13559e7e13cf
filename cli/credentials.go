package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/lockedfile"

	"parley/client"
)

// credentialsFolder is where the sign-ins of the user's commands are kept, a folder that its
// owner alone may open. A file in it is never changed in place: the next one is written
// beside it and renamed, so that a reader finds one or the other whole. Writers wait for one
// another by a lock, which ends with its process.
type credentialsFolder string

// signIns are what the file holds.
type signIns struct {
	// Last is the server of the last login.
	Last    string                    `json:"last,omitempty"`
	Servers map[string]client.Session `json:"servers"`
}

// userCredentials is the folder of the user that runs the command.
func userCredentials() (credentialsFolder, error) {
	config, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("there is no folder for credentials: %w: set PARLEY_TOKEN and PARLEY_SERVER to do without", err)
	}
	return credentialsFolder(filepath.Join(config, "parley")), nil
}

func (f credentialsFolder) file() string { return filepath.Join(string(f), "credentials.json") }

// read reads what is kept. It waits for no writer.
func (f credentialsFolder) read() (signIns, error) {
	kept := signIns{Servers: make(map[string]client.Session)}
	text, err := os.ReadFile(f.file())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return kept, nil
	case err != nil:
		return signIns{}, fmt.Errorf("reading the credentials: %w", err)
	}
	if err := json.Unmarshal(text, &kept); err != nil || kept.Servers == nil {
		return signIns{}, fmt.Errorf("%s holds no credentials: remove it, and log in again", f.file())
	}
	return kept, nil
}

// change changes what is kept, while no other command does. Where change fails, nothing is
// written.
func (f credentialsFolder) change(ctx context.Context, change func(*signIns) error) error {
	if err := os.MkdirAll(string(f), 0o700); err != nil {
		return fmt.Errorf("making the folder of the credentials: %w", err)
	}
	unlock, err := f.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	kept, err := f.read()
	if err != nil {
		return err
	}
	if err := change(&kept); err != nil {
		return err
	}
	if err := f.write(kept); err != nil {
		return fmt.Errorf("keeping the credentials: %w", err)
	}
	return nil
}

// lock waits for the lock until ctx ends. A lock that comes too late is given back.
func (f credentialsFolder) lock(ctx context.Context) (unlock func(), err error) {
	type locked struct {
		unlock func()
		err    error
	}
	came := make(chan locked)
	go func() {
		var l locked
		l.unlock, l.err = lockedfile.MutexAt(filepath.Join(string(f), "lock")).Lock()
		select {
		case came <- l:
		case <-ctx.Done():
			if l.err == nil {
				l.unlock()
			}
		}
	}()
	select {
	case l := <-came:
		if l.err != nil {
			return nil, fmt.Errorf("locking the credentials: %w", l.err)
		}
		return l.unlock, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// write puts the next file in the place of the one before.
func (f credentialsFolder) write(kept signIns) error {
	text, err := json.MarshalIndent(kept, "", "  ")
	if err != nil {
		return err
	}
	next, err := os.CreateTemp(string(f), ".credentials-*") // for its owner alone
	if err != nil {
		return err
	}
	_, err = next.Write(append(text, '\n'))
	err = errors.Join(err, next.Sync(), next.Close())
	if err == nil {
		err = os.Rename(next.Name(), f.file())
	}
	if err != nil {
		_ = os.Remove(next.Name())
	}
	return err
}

// keptSession is one server's part of the credentials; it implements [client.Keeper].
type keptSession struct {
	folder credentialsFolder
	server string
}

// Change is Keeper.Change.
func (k keptSession) Change(ctx context.Context, change func(client.Session) (client.Session, error)) error {
	return k.folder.change(ctx, func(kept *signIns) error {
		next, err := change(kept.Servers[k.server])
		if err != nil {
			return err
		}
		if next.RefreshToken == "" {
			delete(kept.Servers, k.server)
			return nil
		}
		kept.Servers[k.server] = next
		return nil
	})
}
