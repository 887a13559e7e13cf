package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"parley/client"
)

func TestCredentialsOfCommandsThatRunAtOnceAreAllKept(t *testing.T) {
	folder := credentialsFolder(filepath.Join(t.TempDir(), "parley"))
	var running sync.WaitGroup
	for i := range 8 {
		running.Go(func() {
			k := keptSession{folder, fmt.Sprintf("http://127.0.0.1:%d", i)}
			err := k.Change(t.Context(), func(client.Session) (client.Session, error) {
				return client.Session{Username: "ann", RefreshToken: fmt.Sprint(i)}, nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	running.Wait()
	if kept, err := folder.read(); err != nil || len(kept.Servers) != 8 {
		t.Errorf("%d are kept: %v", len(kept.Servers), err)
	}
	entries, err := os.ReadDir(string(folder))
	if err != nil || len(entries) != 2 {
		t.Errorf("beside the file and its lock there is more: %v %v", entries, err)
	}
}

func TestACommandThatWaitsForAnotherCanBeInterrupted(t *testing.T) {
	folder := credentialsFolder(filepath.Join(t.TempDir(), "parley"))
	err := folder.change(t.Context(), func(*signIns) error {
		ctx, cancel := context.WithCancel(t.Context())
		waiting := make(chan error)
		go func() { waiting <- folder.change(ctx, func(*signIns) error { return nil }) }()
		cancel()
		if err := <-waiting; !errors.Is(err, context.Canceled) {
			t.Errorf("the one that waits ends with %v", err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if err := folder.change(t.Context(), func(*signIns) error { return nil }); err != nil {
		t.Errorf("the lock is not given back: %v", err)
	}
}

func TestAFailedChangeLeavesTheFileAsItWas(t *testing.T) {
	folder := credentialsFolder(filepath.Join(t.TempDir(), "parley"))
	if err := folder.change(t.Context(), func(k *signIns) error { k.Last = "http://one"; return nil }); err != nil {
		t.Fatal(err)
	}
	failed := errors.New("failed")
	if err := folder.change(t.Context(), func(k *signIns) error { k.Last = "http://two"; return failed }); !errors.Is(err, failed) {
		t.Errorf("%v", err)
	}
	if kept, err := folder.read(); err != nil || kept.Last != "http://one" {
		t.Errorf("%+v: %v", kept, err)
	}
	if err := os.WriteFile(folder.file(), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := folder.read(); err == nil || !strings.Contains(err.Error(), "remove it") {
		t.Errorf("a file that is none is told as %v", err)
	}
}
