package js

import (
	"regexp"
	"slices"
	"testing"
)

// exported finds the names that a module, or its declarations, export as values.
var exported = regexp.MustCompile(`(?m)^export (?:async )?(?:class|function|const) (\w+)`)

func TestDeclarationsNameWhatTheModuleExports(t *testing.T) {
	names := func(text []byte) (names []string) {
		for _, found := range exported.FindAllSubmatch(text, -1) {
			names = append(names, string(found[1]))
		}
		slices.Sort(names)
		return names
	}
	if has, says := names(Client), names(Types); len(has) == 0 || !slices.Equal(has, says) {
		t.Errorf("the module exports %q, its declarations say %q", has, says)
	}
}

func TestModuleImportsNothing(t *testing.T) {
	if found := regexp.MustCompile(`(?m)\bimport\s*[({"'*\w].*|\brequire\(.*`).Find(Client); found != nil {
		t.Errorf("the module holds %q", found)
	}
}
