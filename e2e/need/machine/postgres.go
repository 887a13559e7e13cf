package machine

import (
	"cmp"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// serverPrograms are what a throwaway cluster is made, started and stopped with.
var serverPrograms = []string{"initdb", "postgres", "pg_ctl"}

// serverFolders are where the packagers put the server's programs, which most
// of them leave out of PATH: Debian, Fedora and Red Hat, Alpine, Homebrew on
// either kind of Mac, Postgres.app.
var serverFolders = []string{
	"/usr/lib/postgresql/*/bin",
	"/usr/pgsql-*/bin",
	"/usr/libexec/postgresql*",
	"/opt/homebrew/opt/postgresql*/bin",
	"/usr/local/opt/postgresql*/bin",
	"/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",
	"/Applications/Postgres.app/Contents/Versions/*/bin",
}

// Postgres returns the folder of a PostgreSQL server's programs, version
// OldestPostgres or newer: the one on PATH, else the one that pg_config names,
// else the newest in the folders that packages use. It says false when there
// is none.
func Postgres() (bin string, ok bool) {
	for _, bin := range postgresFolders() {
		if major, err := postgresMajor(bin); err == nil && major >= OldestPostgres {
			return bin, true
		}
	}
	return "", false
}

func postgresFolders() []string {
	var folders []string
	if path, err := exec.LookPath("postgres"); err == nil {
		folders = append(folders, filepath.Dir(path))
	}
	if out, err := exec.Command("pg_config", "--bindir").Output(); err == nil {
		folders = append(folders, strings.TrimSpace(string(out)))
	}
	var packaged []string
	for _, pattern := range serverFolders {
		found, _ := filepath.Glob(pattern) // fails only for a malformed pattern
		packaged = append(packaged, found...)
	}
	newestFirst(packaged)
	return append(folders, packaged...)
}

// newestFirst orders folders by the version in their path, as a number: 15
// comes before 9.6, and 100 before 99.
func newestFirst(folders []string) {
	slices.SortStableFunc(folders, func(a, b string) int {
		return cmp.Compare(versionIn(b), versionIn(a))
	})
}

var number = regexp.MustCompile(`\d+`)

// versionIn returns the last number of a path, or 0.
func versionIn(path string) int {
	numbers := number.FindAllString(path, -1)
	if len(numbers) == 0 {
		return 0
	}
	n, err := strconv.Atoi(numbers[len(numbers)-1])
	if err != nil {
		return 0
	}
	return n
}

// postgresMajor asks the server in bin for its version; it fails where one of
// the programs is missing.
func postgresMajor(bin string) (int, error) {
	for _, program := range serverPrograms {
		if _, err := exec.LookPath(filepath.Join(bin, program)); err != nil {
			return 0, err
		}
	}
	// "postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)"
	out, err := exec.Command(filepath.Join(bin, "postgres"), "--version").Output()
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(number.FindString(string(out)))
}
