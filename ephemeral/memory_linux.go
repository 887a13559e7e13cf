package ephemeral

import (
	"os"
	"syscall"
)

// enoughMemory is the room that the file system in memory must have. Containers often have
// one of 64 MiB, which a test could fill.
const enoughMemory = 256 << 20

// memory is the folder in memory that places are made in; empty is the system's for
// temporary files.
func memory() string {
	const shared = "/dev/shm"
	var fs syscall.Statfs_t
	if syscall.Statfs(shared, &fs) != nil || int64(fs.Bavail)*int64(fs.Bsize) < enoughMemory {
		return ""
	}
	probe, err := os.MkdirTemp(shared, prefix)
	if err != nil {
		return ""
	}
	_ = os.Remove(probe)
	return shared
}
