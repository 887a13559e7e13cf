package site

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"parley/e2e/chaos/overlay"
)

// Clock is the wall clock of an instance whose binary is of [BuildWithClock]. Its monotonic
// clock goes on as before, as it does on a machine whose clock is set.
type Clock struct{ path string }

// clockFile names, to the instance, the file that its clock is set by.
const clockFile = "CHAOS_CLOCK"

// NewClock is a clock that is right, of the file at a path, which it makes.
func NewClock(path string) (*Clock, error) {
	c := &Clock{path}
	return c, c.Set(0)
}

// Set sets it so far ahead of the machine's, in whole seconds; behind it where ahead is
// negative.
func (c *Clock) Set(ahead time.Duration) error {
	file, err := os.OpenFile(c.path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = file.WriteAt(binary.NativeEndian.AppendUint64(nil, uint64(ahead/time.Second)), 0)
	return err
}

// setClock is a file that is added to package time: it reads the clock's file at each look,
// as memory that the writer shares.
const setClock = `package time

import (
	"sync/atomic"
	"syscall"
	"unsafe"
)

var clockAhead = openClock()

func openClock() *atomic.Int64 {
	path, set := syscall.Getenv("` + clockFile + `")
	if !set {
		return new(atomic.Int64)
	}
	fd, err := syscall.Open(path, syscall.O_RDONLY, 0)
	if err != nil {
		panic(err)
	}
	memory, err := syscall.Mmap(fd, 0, 8, syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		panic(err)
	}
	return (*atomic.Int64)(unsafe.Pointer(&memory[0]))
}
`

// BuildWithClock builds parley to a path, with a package time whose clock can be set by a
// [Clock]. All of the program is compiled anew, so it takes minutes the first time.
func BuildWithClock(path string) error {
	folder, err := os.MkdirTemp(filepath.Dir(path), "clock-")
	if err != nil {
		return err
	}
	changed, goroot, err := clockOverlay(folder)
	if err != nil {
		return err
	}
	return build(path, changed, goroot)
}

// clockOverlay writes to a folder what changes package time, and returns what has to be in the
// environment of the go command that takes it. A toolchain that was fetched lies in the module
// cache, of which no file may be replaced; so it is built by way of a link.
func clockOverlay(folder string) (path, goroot string, err error) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return "", "", fmt.Errorf("asking for GOROOT: %w", err)
	}
	link := filepath.Join(folder, "goroot")
	if err := os.Symlink(strings.TrimSpace(string(root)), link); err != nil {
		return "", "", err
	}
	const read = "	sec, nsec, mono := runtimeNow()\n	if mono == 0 {"
	const readSet = "	sec, nsec, mono := runtimeNow()\n	sec += clockAhead.Load()\n	if mono == 0 {"
	path, err = overlay.Write(filepath.Join(link, "src", "time"), folder,
		overlay.Edit{File: "time.go", Old: read, New: readSet},
		overlay.Edit{File: "clock_chaos.go", New: setClock})
	return path, "GOROOT=" + link, err
}
