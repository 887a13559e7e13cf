//go:build linux || darwin || freebsd || netbsd || openbsd

package sqlite

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// stat tells a file, as it is now, from every other and from itself once it has changed.
// The time of the last change of its inode cannot be set by a program.
func stat(path string) (string, error) {
	var s unix.Stat_t
	if err := unix.Stat(path, &s); err != nil {
		return "", fmt.Errorf("looking at %s: %w", path, err)
	}
	return fmt.Sprintf("device %d inode %d changed %d.%09d size %d", s.Dev, s.Ino, s.Ctim.Sec, s.Ctim.Nsec, s.Size), nil
}
