//go:build !linux

package sqlite

import "os"

// fileID tells one file from every other.
type fileID struct{ info os.FileInfo }

// identify finds out which file stands at a path.
func identify(path string) (fileID, error) {
	info, err := os.Stat(path)
	return fileID{info}, err
}

// is says whether the file stands at a path.
func (f fileID) is(path string) bool {
	now, err := identify(path)
	return err == nil && os.SameFile(now.info, f.info)
}
