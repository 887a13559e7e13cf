package machine

import (
	"slices"
	"testing"
)

func TestFoldersAreOrderedByTheirVersionsAsNumbers(t *testing.T) {
	folders := []string{"/usr/lib/postgresql/9/bin", "/usr/lib/postgresql/17/bin", "/usr/libexec/postgresql15", "/opt/homebrew/opt/postgresql/bin"}
	newestFirst(folders)
	want := []string{"/usr/lib/postgresql/17/bin", "/usr/libexec/postgresql15", "/usr/lib/postgresql/9/bin", "/opt/homebrew/opt/postgresql/bin"}
	if !slices.Equal(folders, want) {
		t.Errorf("got %v, want %v", folders, want)
	}
}

func TestABrowserThatIsNamedAndNotThereIsNone(t *testing.T) {
	t.Setenv(chromiumVariable, "/nowhere/chromium")
	if path, ok := Chromium(); ok {
		t.Errorf("found %s", path)
	}
}
