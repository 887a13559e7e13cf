package e2e

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

// run runs the tests and then looks at what is left: a secret in what the
// suite's processes printed fails it, and so does a goroutine of the tests
// themselves that has not ended.
func run(m *testing.M) int {
	folder, err := os.MkdirTemp("", "parley-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	suite.folder = folder

	code := m.Run()
	leaks := secrets.leaks(folder)
	for _, leak := range leaks[:min(20, len(leaks))] {
		fmt.Fprintln(os.Stderr, leak)
	}
	if len(leaks) > 0 {
		fmt.Fprintf(os.Stderr, "%d secrets were printed\n", len(leaks))
		code = 1
	}
	transport.CloseIdleConnections()
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	return code
}
