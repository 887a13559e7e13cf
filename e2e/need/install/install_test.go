package main

import (
	"slices"
	"strings"
	"testing"
)

func TestEachLinuxManagerKnowsEachPart(t *testing.T) {
	for _, m := range managers {
		for _, p := range []part{postgres, chromium, compiler, nginx, haproxy, caddy, pgbouncer, bash, zsh, fish, node, npm} {
			if len(m.packages[p]) == 0 {
				t.Errorf("%s: no package for %s", m.program, p)
			}
		}
	}
}

func TestWhatIsAskedOfTheManagerIsWhatIsMissingAndNothingElse(t *testing.T) {
	var out strings.Builder
	m := manager{
		packages: map[part][]string{postgres: {"server"}, chromium: {"browser"}, compiler: {"cc", "headers"}},
		add:      []string{"echo", "add"},
	}
	if err := m.install([]part{chromium, compiler}, &out); err != nil {
		t.Fatal(err)
	}
	if out.String() != "add browser cc headers\n" {
		t.Errorf("the manager was asked %q", out.String())
	}
	if !slices.Equal(m.add, []string{"echo", "add"}) {
		t.Errorf("installing changed the manager: %q", m.add)
	}
}
