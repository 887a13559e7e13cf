package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"
)

// describe says on what the figures were taken.
func describe(out io.Writer, engines []*engine, folder string) error {
	sync, err := syncTime(folder)
	if err != nil {
		return fmt.Errorf("writing to %s: %w", folder, err)
	}
	fmt.Fprintf(out, "%s, %d cores%s, %s/%s, %s, GOMAXPROCS %d\n", time.Now().Format("2006-01-02 15:04 MST"),
		runtime.NumCPU(), processor(), runtime.GOOS, runtime.GOARCH, runtime.Version(), runtime.GOMAXPROCS(0))
	for _, e := range engines {
		fmt.Fprintf(out, "%s %s\n", e.name, e.version)
	}
	if load, ok := loadBefore(); ok {
		fmt.Fprintf(out, "load before the start: %s, of which a quiet machine has next to none\n", load)
	}
	_, err = fmt.Fprintf(out, "writing 4 KiB to the disk: %s\n", milliseconds(sync))
	return err
}

// loadBefore is how many processes wanted to run in the last minute, where the
// system tells it in a file.
func loadBefore() (string, bool) {
	averages, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "", false
	}
	lastMinute, _, ok := strings.Cut(string(averages), " ")
	return lastMinute, ok
}

// processor is its name, where the system tells it in a file.
func processor() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(info)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return " (" + strings.TrimSpace(value) + ")"
		}
	}
	return ""
}

// syncTime is how long it takes until a page that is appended to a file is on
// the disk: no way of posting one message after another is faster. A time of a
// few microseconds says that the folder is in memory, and the figures worthless.
func syncTime(folder string) (_ time.Duration, err error) {
	f, err := os.CreateTemp(folder, "sync-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	page := make([]byte, 4<<10)
	var took []time.Duration
	for range 50 {
		began := time.Now()
		if _, err := f.Write(page); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
		took = append(took, time.Since(began))
	}
	return quantile(took, 0.5), nil
}
