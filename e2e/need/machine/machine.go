// Package machine looks for the programs that the tests stand on: a PostgreSQL
// server, a browser, a C compiler, proxies, shells. It installs nothing and starts nothing but
// the programs it finds, to ask for their version.
//
// It stands on the standard library alone, so that it runs on a machine that
// has nothing but Go, before any module has been fetched.
package machine

import (
	"os"
	"os/exec"
	"path/filepath"
)

// OldestPostgres is the oldest major version of PostgreSQL that parley runs on.
const OldestPostgres = 15

// chromiumVariable names a browser of the caller's choice.
const chromiumVariable = "PARLEY_TEST_CHROMIUM"

// Chromium returns the path of a Chromium or Chrome: the one named by
// PARLEY_TEST_CHROMIUM, else one on PATH, else one where macOS keeps it. It
// says false when there is none; a PARLEY_TEST_CHROMIUM that names no program
// is none.
func Chromium() (string, bool) {
	if named := os.Getenv(chromiumVariable); named != "" {
		path, err := exec.LookPath(named)
		return path, err == nil
	}
	return firstProgram(
		"chromium", "chromium-browser", "google-chrome", "google-chrome-stable",
		"/Applications/Chromium.app/Contents/MacOS/Chromium",
		"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
	)
}

// Compiler returns the path of the C compiler that cgo, and with it the race
// detector on Linux, would use: $CC, else gcc, else clang. It says false where
// there is none, or where it cannot build a program because the headers of the
// C library are missing.
func Compiler() (string, bool) {
	names := []string{"gcc", "clang"}
	if cc := os.Getenv("CC"); cc != "" {
		names = []string{cc}
	}
	path, ok := firstProgram(names...)
	return path, ok && compiles(path)
}

// compiles says whether the compiler links a program that needs the C library.
func compiles(compiler string) bool {
	dir, err := os.MkdirTemp("", "parley-cc-")
	if err != nil {
		return false
	}
	defer os.RemoveAll(dir)
	source := filepath.Join(dir, "main.c")
	if err := os.WriteFile(source, []byte("#include <stdlib.h>\n#include <pthread.h>\nint main(void) { return 0; }\n"), 0o600); err != nil {
		return false
	}
	return exec.Command(compiler, "-o", filepath.Join(dir, "main"), source).Run() == nil
}

func firstProgram(names ...string) (string, bool) {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, true
		}
	}
	return "", false
}
