// Package leak finds the goroutines that tests leave behind.
package leak

import (
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// patience is how long a goroutine that is about to end may take: on a busy machine
// that is more than goleak waits.
const patience = 20 * time.Second

// judge is asked for as long as a process of tests runs.
var judge = goleak.IgnoreAnyFunction("parley/e2e/described.(*judge).listen")

// Find tells of goroutines that are nobody's any more; nil if there are none. Nothing
// may be running beside it that has some.
func Find() error {
	err := goleak.Find(judge)
	for end := time.Now().Add(patience); err != nil && time.Now().Before(end); {
		err = goleak.Find(judge)
	}
	return err
}

// None fails a test that leaves some.
func None(t testing.TB) {
	t.Helper()
	if err := Find(); err != nil {
		t.Error(err)
	}
}

// Main is all that a TestMain has to do: it runs the tests, fails them if they leave
// some, and exits.
func Main(m *testing.M) {
	code := m.Run()
	if code == 0 {
		if err := Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}
