package commitlog

import (
	"context"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// broken panics behind the commit.
type broken struct{ inTurn }

func (broken) Committed(*Tx, []*Request[work]) { panic("nothing is published") }

// TestAPanicOfALeadingCallerEndsTheProcess runs this test binary once more, which recovers
// from what its request panics with, as a server does.
func TestAPanicOfALeadingCallerEndsTheProcess(t *testing.T) {
	if os.Getenv("PARLEY_TEST_PANIC") == "" {
		t.Parallel()
		process := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
		process.Env = append(os.Environ(), "PARLEY_TEST_PANIC=1")
		said, err := process.CombinedOutput()
		if process.ProcessState.ExitCode() != 2 {
			t.Errorf("it ended with %v", err)
		}
		for _, word := range []string{"while leading the log", "nothing is published", "broken.Committed"} {
			if !strings.Contains(string(said), word) {
				t.Errorf("it does not tell of %q:\n%s", word, said)
			}
		}
		return
	}
	log := New(Options[memoryConn]{
		Writer:  "one",
		Connect: func(context.Context) (memoryConn, error) { return memoryConn{new(memory)}, nil },
		Raised:  func(int64) {},
		Metrics: NewMetrics(),
		Log:     slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	lane := AddLane(log, broken{}, LaneOptions[work]{Limits: Limits[work]{Requests: 8}, CallersLead: true})
	if err := log.Start(t.Context(), func(context.Context, memoryConn) error { return nil }); err != nil {
		t.Fatal(err)
	}
	defer func() { t.Logf("it goes on behind %v", recover()) }()
	_ = lane.Do(context.Background(), func() error { return nil })
}
