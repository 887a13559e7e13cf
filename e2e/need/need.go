// Package need gives a test the real parts it stands on: PostgreSQL, a browser, the
// proxies that stand in front of a service, and the shells that somebody types into.
//
// A part that is missing is never passed over in silence. The test fails with
// the one line that brings it; with -short, which is the way to leave such
// tests out, it is skipped and says so.
package need

import (
	"testing"

	"parley/e2e/need/machine"
)

// Chromium returns the path of a Chromium or Chrome. PARLEY_TEST_CHROMIUM names
// one of the caller's choice.
func Chromium(t testing.TB) string {
	t.Helper()
	LeaveOutIfShort(t, "Chromium")
	path, ok := machine.Chromium()
	if !ok {
		missing(t, "Chromium")
	}
	return path
}

// LeaveOutIfShort skips the test in -short mode. There is one other reason for which this
// project's tests are skipped: a clone without its history, which lacks the sources of the
// release before. It does so on every machine, so that -short leaves
// out the same tests everywhere. Who asks for a part by its own function need not call it.
func LeaveOutIfShort(t testing.TB, what string) {
	t.Helper()
	if testing.Short() {
		t.Skipf("-short leaves out the tests that need %s", what)
	}
}

func missing(t testing.TB, what string) {
	t.Helper()
	t.Fatalf("%s is missing; in the project's folder run:  %s", what, machine.Cure())
}
