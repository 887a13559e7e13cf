package e2e

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"parley/e2e/described"
	"parley/e2e/leak"
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

// run runs the tests and then looks at what is left: a secret in what the
// suite's processes printed fails it, and so does a data race that one of them
// was seen in, an answer that is not as described, or a goroutine of the tests
// themselves that has not ended.
func run(m *testing.M) int {
	flag.Parse()
	letTestsWaitTogether()
	// A program with the race detector sleeps for a second before it exits, which
	// is most of what a short command takes.
	os.Setenv("GORACE", "atexit_sleep_ms=50 "+os.Getenv("GORACE"))
	folder, err := os.MkdirTemp("", "parley-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	suite.folder = folder

	if err := described.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	chromium.stop()
	leaks := secrets.leaks(folder)
	for _, leak := range leaks[:min(20, len(leaks))] {
		fmt.Fprintln(os.Stderr, leak)
	}
	if len(leaks) > 0 {
		fmt.Fprintf(os.Stderr, "%d secrets were printed\n", len(leaks))
		code = 1
	}
	for _, race := range races(folder) {
		fmt.Fprintln(os.Stderr, race)
		code = 1
	}
	described.Wait()
	for _, deviation := range deviations.found() {
		fmt.Fprintln(os.Stderr, deviation)
		code = 1
	}
	transport.CloseIdleConnections()
	if err := leak.Find(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	return code
}

// letTestsWaitTogether lets twice as many tests as usual run beside one another,
// unless the caller has said how many: most of their time they wait, for a
// process to start, for a token to end, for a log to be looked at.
func letTestsWaitTogether() {
	const parallel = "test.parallel"
	said := false
	flag.Visit(func(f *flag.Flag) { said = said || f.Name == parallel })
	if !said {
		flag.Set(parallel, strconv.Itoa(2*runtime.GOMAXPROCS(0)))
	}
}

// races are the reports of data races in what processes have printed. Most of
// them are killed, and no exit code tells.
func races(folder string) (found []string) {
	files, err := filepath.Glob(filepath.Join(folder, "*.err"))
	if err != nil {
		return []string{err.Error()}
	}
	for _, file := range files {
		printed, err := os.ReadFile(file)
		if err != nil {
			return append(found, err.Error())
		}
		if _, report, raced := strings.Cut(string(printed), "WARNING: DATA RACE\n"); raced {
			report, _, _ = strings.Cut(report, "==================")
			found = append(found, "a process of the suite has a data race:\n"+report)
		}
	}
	return found
}
