//go:build linux

package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// small mounts a small file system for SQLite's file, which needs root.
func small(p *plant) (string, error) {
	folder := filepath.Join(p.folder, "small")
	if err := os.Mkdir(folder, 0o700); err != nil {
		return "", err
	}
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, "size=64m"); err != nil {
		return "", err
	}
	p.unmount = func() { _ = syscall.Unmount(folder, 0) }
	return folder, nil
}

// canMount says whether the process may mount a file system.
func canMount() bool { return os.Geteuid() == 0 }

// fill takes all that is free on the disk of SQLite's file, for a while.
func fill(in *injection) error {
	ballast := filepath.Join(in.plant.folder, "small", "ballast")
	if err := takeAll(ballast); err != nil {
		return err
	}
	in.wait(300*time.Millisecond, 1500*time.Millisecond)
	return os.Remove(ballast)
}

func takeAll(path string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	for size := 64 << 10; size > 0; {
		if _, err := file.Write(make([]byte, size)); err != nil {
			var full *fs.PathError
			if !errors.As(err, &full) || !errors.Is(full.Err, syscall.ENOSPC) {
				return errors.Join(err, file.Close())
			}
			size /= 4
		}
	}
	return file.Close()
}
