package server

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// pen is what a sink writes to: it can be stuck, and can fail.
type pen struct {
	written strings.Builder
	writes  int
	stuck   chan struct{} // nil: not stuck
	err     error
}

func (p *pen) Write(lines []byte) (int, error) {
	p.writes++
	if p.stuck != nil {
		<-p.stuck
	}
	if p.err != nil {
		return 0, p.err
	}
	return p.written.Write(lines)
}

func droppedOf(t *testing.T, s *logSink) float64 {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(s.dropped)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	return families[0].GetMetric()[0].GetCounter().GetValue()
}

func TestLinesOfTheLogAreWrittenTogetherSoonAndInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pen{}
		s := newLogSink(p)
		var want strings.Builder
		for i := range 100 {
			line := fmt.Sprintf("line %d\n", i)
			want.WriteString(line)
			if n, err := io.WriteString(s, line); n != len(line) || err != nil {
				t.Fatal(n, err)
			}
		}
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		if p.written.String() != want.String() || p.writes != 1 {
			t.Errorf("after 100 ms, by %d writes: %q", p.writes, p.written.String())
		}
		io.WriteString(s, "last\n")
		s.close()
		if p.written.String() != want.String()+"last\n" {
			t.Error("the last line is missing behind the close")
		}
		io.WriteString(s, "too late\n")
		if n := droppedOf(t, s); n != 1 {
			t.Errorf("%v lines dropped", n)
		}
	})
}

func TestAStuckLogHoldsNobodyUpAndItsLinesAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pen{stuck: make(chan struct{})}
		s := newLogSink(p)
		start := time.Now()
		line := strings.Repeat("x", 1023) + "\n"
		io.WriteString(s, line)
		time.Sleep(time.Second)
		synctest.Wait() // the first line is on its way, and stuck
		const fit, more = logBuffered / 1024, 10
		for range fit + more {
			io.WriteString(s, line)
		}
		if waited := time.Since(start); waited != time.Second {
			t.Errorf("writing took %v", waited-time.Second)
		}
		if n := droppedOf(t, s); n != more {
			t.Errorf("%v lines dropped, want %d", n, more)
		}
		close(p.stuck)
		s.close()
		if n := strings.Count(p.written.String(), line); n != fit+1 {
			t.Errorf("%d lines written, want %d", n, fit+1)
		}
	})
}

func TestClosingDoesNotWaitForAStuckLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pen{stuck: make(chan struct{})}
		s := newLogSink(p)
		io.WriteString(s, "line\n")
		start := time.Now()
		s.close()
		if waited := time.Since(start); waited != logClosing {
			t.Errorf("closing took %v", waited)
		}
		close(p.stuck)
		<-s.ended
	})
}

func TestLinesThatCannotBeWrittenAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newLogSink(&pen{err: errors.New("full")})
		io.WriteString(s, "one\n")
		io.WriteString(s, "two\n")
		s.close()
		if n := droppedOf(t, s); n != 2 {
			t.Errorf("%v lines dropped", n)
		}
	})
}

// BenchmarkLogSink writes lines to a file by itself and through a sink.
func BenchmarkLogSink(b *testing.B) {
	line := []byte(strings.Repeat("x", 199) + "\n")
	file, err := os.Create(b.TempDir() + "/log")
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	sink := newLogSink(file)
	defer sink.close()
	for name, w := range map[string]io.Writer{"file": file, "sink": sink} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				w.Write(line)
			}
		})
	}
}
