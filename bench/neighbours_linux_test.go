package main

import (
	"strings"
	"testing"

	"parley/e2e/need"
)

func TestEveryNeighbourIsMeasured(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		database, only string
		// targets is how many lines say whether something was reached.
		targets int
	}{
		{"postgresql", "neighbours/100 joins", 3},
		{"sqlite", "neighbours/100 quiet chats", 3},
		{"sqlite", "neighbours/8 streams", 3},
		{"sqlite", "neighbours/a page", 1},
		{"sqlite", "sign-ins queued", 3},
		{"sqlite", "opening streams over 100 chats", 3},
		{"sqlite", "list of 100 chats", 3},
		{"sqlite", "people who type", 4},
		{"sqlite", "people who come and go", 3},
		{"", "streams/opening", 1},
		{"postgresql", "instances/1 chat, 10 readers, 100 messages", 8},
		{"postgresql", "instances/100 chats, 64", 13},
	} {
		t.Run(test.only, func(t *testing.T) {
			t.Parallel()
			if test.database != "sqlite" {
				need.LeaveOutIfShort(t, "PostgreSQL") // which the benchmark starts itself
			}
			var out, doing strings.Builder
			o := options{only: test.only, db: test.database, rival: "limit", quick: true, messages: 10_000}
			if err := run(t.Context(), o, &out, &doing); err != nil {
				t.Fatalf("%v\n%s", err, &doing)
			}
			if got := strings.Count(out.String(), "  yes") + strings.Count(out.String(), "  NO"); got != test.targets {
				t.Errorf("%d targets were measured, want %d:\n%s", got, test.targets, &out)
			}
		})
	}
}
