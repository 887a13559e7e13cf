package sqlite

import "golang.org/x/sys/unix"

// fileID tells one file from every other.
type fileID struct {
	major, minor uint32
	inode        uint64
}

// identify finds out which file stands at a path. It does not ask for the file's times:
// where the kernel keeps fine ones (multigrain timestamps, Linux 6.13) a time that was asked
// for makes the next write change it, and the next commit write the inode too, which took a
// third of a lone post.
func identify(path string) (fileID, error) {
	var s unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, path, 0, unix.STATX_INO, &s)
	return fileID{s.Dev_major, s.Dev_minor, s.Ino}, err
}

// is says whether the file stands at a path.
func (f fileID) is(path string) bool {
	now, err := identify(path)
	return err == nil && now == f
}
