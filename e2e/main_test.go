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
	for _, leak := range secrets.leaks(folder) {
		fmt.Fprintln(os.Stderr, leak)
		code = 1
	}
	transport.CloseIdleConnections()
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	return code
}
