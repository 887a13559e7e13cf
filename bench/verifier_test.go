package main

import (
	"bytes"
	"fmt"
	"testing"
	"time"
)

// stream is what a server writes for so many messages of two lanes in turn.
func stream(numbers ...[2]int) []byte {
	var b bytes.Buffer
	b.WriteString(streamHead)
	for i, n := range numbers {
		var s [stampSize]byte
		stamp{lane: n[0], number: uint32(n[1]), at: 1000}.put(s[:])
		block := fmt.Sprintf("data: {\"text\":\"hello %s\"}\nid: %d\n\n", s[:], i+1)
		fmt.Fprintf(&b, "%x\r\n%s\r\n", len(block), block)
	}
	return b.Bytes()
}

func TestVerifierCountsLossAndRepetition(t *testing.T) {
	for _, test := range []struct {
		name                       string
		numbers                    [][2]int
		delivered, lost, again, no int64 // no: never came
	}{
		{"all", [][2]int{{0, 1}, {1, 1}, {0, 2}, {1, 2}}, 4, 0, 0, 0},
		{"one passed over", [][2]int{{0, 1}, {1, 2}, {0, 2}}, 3, 1, 0, 0},
		{"one twice", [][2]int{{0, 1}, {0, 1}, {1, 1}, {1, 2}, {0, 2}}, 4, 0, 1, 0},
		{"an old one after a new one", [][2]int{{0, 2}, {0, 1}, {1, 1}, {1, 2}}, 3, 1, 1, 0},
		{"the last ones missing", [][2]int{{0, 1}, {1, 1}}, 2, 0, 0, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			wire := stream(test.numbers...)
			for size := 1; size <= len(wire); size++ {
				f := verifier{last: make([]uint32, 2), form: &form{}}
				got := tally{Latencies: make(latencies, buckets)}
				messages := 0
				for rest := wire; len(rest) > 0; {
					n := min(size, len(rest))
					messages += f.take(rest[:n], 1500, &got)
					rest = rest[n:]
				}
				if got.Deliveries != test.delivered || int64(messages) != test.delivered || got.Lost != test.lost ||
					got.Repeated != test.again || f.missing([]uint32{2, 2}) != test.no || got.Broken != 0 || got.Bytes != int64(len(wire)) {
					t.Fatalf("in pieces of %d bytes: %+v, %d missing", size, tallyWithoutLatencies(got), f.missing([]uint32{2, 2}))
				}
				if within := got.Latencies.within(0.5); within < 490*time.Microsecond || within > 500*time.Microsecond {
					t.Fatalf("500 µs were counted as %s", within)
				}
			}
		})
	}
}

func tallyWithoutLatencies(t tally) tally {
	t.Latencies = nil
	return t
}

func TestVerifierCountsBreachesOfFormat(t *testing.T) {
	good := string(stream([2]int{0, 1}, [2]int{0, 2}))
	for name, bad := range map[string]string{
		"a chunk longer than it says":  replaceOnce(good, "\n\n\r\n", "\n\nx\r\n"),
		"a chunk without its size":     replaceOnce(good, "\r\n\r\n", "\r\n\r\nzz\r\n"),
		"an id that comes again":       replaceOnce(good, "id: 2", "id: 1"),
		"a block that lost its end":    replaceOnce(good, "id: 1\n\n", "id: 1\n "),
		"an unknown field":             replaceOnce(good, "id: 1", "ad: 1"),
		"a stamp that is cut in a row": replaceOnce(good, "^000", "^00g"),
	} {
		t.Run(name, func(t *testing.T) {
			f := verifier{last: make([]uint32, 1), form: &form{}}
			got := tally{Latencies: make(latencies, buckets)}
			f.take([]byte(bad), 0, &got)
			if got.Broken == 0 {
				t.Errorf("not one breach was counted: %q", bad)
			}
		})
	}
}

func replaceOnce(s, old, with string) string {
	return string(bytes.Replace([]byte(s), []byte(old), []byte(with), 1))
}

func TestStampRoundTrips(t *testing.T) {
	for _, s := range []stamp{{}, {lane: 63, number: 1 << 20, at: micros(time.Now())}, {lane: 0xfff, number: 0xfffffff, at: 1<<52 - 1}} {
		var b [stampSize]byte
		s.put(b[:])
		if got, ok := readStamp(b[:]); !ok || got != s {
			t.Errorf("%+v became %q and then %+v", s, b, got)
		}
	}
}

func TestLatenciesAreCountedWithinOnePercent(t *testing.T) {
	for micros := int64(0); micros < 100_000_000; micros += micros/50 + 1 {
		took := time.Duration(micros) * time.Microsecond
		got := value(bucket(uint64(micros)))
		if got > took || got < took-took/100 {
			t.Fatalf("%s counts as %s", took, got)
		}
	}
}
