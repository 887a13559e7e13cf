package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestEveryStreamScenarioIsMeasured(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		only string
		// targets is how many lines say whether something was reached, and wrong how
		// many of them that nothing was lost.
		targets, right int
	}{
		{"1 chat, 100 readers, posting as fast", 3, 1},
		{"posting without end", 2, 1},
		{"readers each", 1, 1},
		{"reconnect", 4, 1},
		{"idle ones", 2, 0},
	} {
		t.Run(test.only, func(t *testing.T) {
			t.Parallel()
			var out, doing strings.Builder
			o := options{only: test.only, db: "sqlite", rival: "limit", quick: true, messages: 10_000}
			if err := run(t.Context(), o, &out, &doing); err != nil {
				t.Fatalf("%v\n%s", err, &doing)
			}
			if got := strings.Count(out.String(), "  yes") + strings.Count(out.String(), "  NO"); got != test.targets {
				t.Errorf("%d targets were measured, want %d:\n%s", got, test.targets, &out)
			}
			right := 0
			for line := range strings.Lines(out.String()) {
				if strings.Contains(line, "wrong ≤ 0") && strings.HasSuffix(strings.TrimSpace(line), "yes") {
					right++
				}
			}
			if right != test.right {
				t.Errorf("%d lines say that nothing is wrong, want %d:\n%s", right, test.right, &out)
			}
		})
	}
}

func TestFailedRivalIsReportedOnce(t *testing.T) {
	asked := 0
	s := scenario{name: "test", entries: []entry{
		{name: "ours", measure: func(context.Context) (figures, latencies, error) {
			f := noFigures()
			f[wrong] = 1
			return f, nil, nil
		}, targets: []target{nothingWrong}},
		{name: "theirs", rival: true, measure: func(context.Context) (figures, latencies, error) {
			asked++
			return figures{}, nil, errors.New("it fell over")
		}},
	}}
	var out strings.Builder
	if err := measure(t.Context(), []section{s.section(3, "")}, &out, &strings.Builder{}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "failed: it fell over") || asked != 1 {
		t.Errorf("it was asked %d times:\n%s", asked, &out)
	}
	if !strings.Contains(out.String(), "wrong ≤ 0  3         NO") {
		t.Errorf("what was wrong in each of three turns is no 3:\n%s", &out)
	}
}

func TestPictureHasACurveForEachServer(t *testing.T) {
	took := make(latencies, buckets)
	for i := range int64(1000) {
		took.add(1000 + i)
	}
	r := &results{took: map[string]latencies{"parley": took, "limit": took}}
	folder := filepath.Join(t.TempDir(), "plots")
	for _, p := range spreadOf("latency.svg", "a title")(r, []string{"parley", "limit"}) {
		if err := p.draw(folder); err != nil {
			t.Fatal(err)
		}
	}
	svg, err := os.ReadFile(filepath.Join(folder, "latency.svg"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"parley", "limit", "a title"} {
		if !strings.Contains(string(svg), ">"+name+"<") {
			t.Errorf("%q does not stand in the picture", name)
		}
	}
}

func TestProcessorTimeOfAProcessIsRead(t *testing.T) {
	const work = 100 * time.Millisecond
	began := time.Now()
	before, err := processorTime(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for now := before; now < before+work; {
		if now, err = processorTime(os.Getpid()); err != nil {
			t.Fatal(err)
		}
		if time.Since(began) > time.Minute {
			t.Fatal("a minute of work cost less than 100 ms")
		}
	}
	if took := time.Since(began) + tick; took < work/time.Duration(runtime.NumCPU()) {
		t.Errorf("100 ms of %d processors were spent in %s", runtime.NumCPU(), took)
	}
}
