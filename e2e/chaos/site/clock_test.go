package site

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// watch is a program that says what time it is, sets the clock, and says it again, and how long
// that took by the monotonic clock.
const watch = `package main

import (
	"fmt"
	"os"
	"time"
)

func main() {
	before := time.Now()
	file, err := os.OpenFile(os.Args[1], os.O_WRONLY, 0)
	if err == nil {
		_, err = file.WriteAt(make([]byte, 8), 0)
	}
	if err != nil {
		panic(err)
	}
	after := time.Now()
	fmt.Println(before.Unix(), after.Unix(), after.Sub(before) < time.Minute)
}
`

func TestAClockIsSetAndMonotonicTimeGoesOn(t *testing.T) {
	folder := t.TempDir()
	overlay, goroot, err := clockOverlay(folder)
	if err != nil {
		t.Fatal(err)
	}
	source, binary := filepath.Join(folder, "main.go"), filepath.Join(folder, "watch")
	if err := os.WriteFile(source, []byte(watch), 0o600); err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", "build", "-overlay", overlay, "-o", binary, source)
	build.Env = append(os.Environ(), goroot)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	clock, err := NewClock(filepath.Join(folder, "clock"))
	if err != nil {
		t.Fatal(err)
	}
	if err := clock.Set(-time.Hour); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	run := exec.Command(binary, clock.path)
	run.Env = append(os.Environ(), clockFile+"="+clock.path)
	told, err := run.Output()
	if err != nil {
		t.Fatal(err)
	}
	var before, after int64
	var monotonic bool
	if _, err := fmt.Sscan(strings.TrimSpace(string(told)), &before, &after, &monotonic); err != nil {
		t.Fatalf("%q: %v", told, err)
	}
	if behind := began.Unix() - before; behind < 3590 || behind > 3600 {
		t.Errorf("a clock set an hour back was %d seconds behind", behind)
	}
	if after < began.Unix() || !monotonic {
		t.Errorf("set right, the clock said %d at %d; monotonic time went on: %v", after, began.Unix(), monotonic)
	}
}
