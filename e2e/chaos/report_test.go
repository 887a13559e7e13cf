//go:build linux

package main

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestAReportSaysWhatWasFoundWhatBrokeOffAndNothingOfTheRest(t *testing.T) {
	found := row{name: "found", outcome: outcome{injected: 2, posts: 7, back: 1234 * time.Millisecond, violations: []string{"a hole"}}}
	fine := row{name: "fine", outcome: outcome{injected: 3, posts: 5}}
	off := row{name: "off", err: errors.New("no disk")}
	for _, c := range []struct {
		rows   []row
		broken bool
	}{{[]row{fine, {}}, false}, {[]row{fine, found}, true}, {[]row{off}, true}} {
		if r := (&report{rows: c.rows}); r.broken() != c.broken {
			t.Errorf("%v: broken is %v", c.rows, r.broken())
		}
	}
	var out strings.Builder
	if err := (&report{rows: []row{found, {}, fine, off}}).write(&out); err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(out.String(), "|---|\n")
	want := strings.Join([]string{
		"| found | 2 | 7 | 0 | 0 | 0 | 0 | 1.2s | 1 |",
		"| fine | 3 | 5 | 0 | 0 | 0 | 0 |  | 0 |",
		"| off | 0 | 0 | 0 | 0 | 0 | 0 |  | 0, and broke off |",
		"| **all** | 5 | 12 | 0 | 0 | 0 | 0 | 1.2s | 1 |\n",
	}, "\n")
	if table != want {
		t.Errorf("the table is\n%swant\n%s", table, want)
	}
}
