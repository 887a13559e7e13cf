// Package mistakes are changes of parley that break a promise each. They show that the
// checker works: it has to find every one of them.
//
// A mistake is no code of the program. It is a text in one of its files and what stands
// there instead, applied by "go build -overlay".
package mistakes

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Mistake is one of them.
type Mistake struct {
	Name  string
	Edits []Edit
	// Under are changes under which the mistake shows, and which are none themselves.
	Under []Edit
}

// Without is the program without the mistake, under the same changes.
func (m Mistake) Without() Mistake { return Mistake{Name: "without " + m.Name, Under: m.Under} }

// Edit replaces a text that stands in a file exactly once.
type Edit struct{ File, Old, New string }

// Overlay writes the changed files to folder, and a file for "go build -overlay". root is the
// project's folder. It is an error if a text does not stand where it should: then the program
// has changed, and the mistake has to follow.
func (m Mistake) Overlay(root, folder string) (path string, err error) {
	replace := make(map[string]string)
	for i, edit := range slices.Concat(m.Under, m.Edits) {
		name, err := filepath.Abs(filepath.Join(root, edit.File))
		if err != nil {
			return "", err
		}
		from := name
		if changed, twice := replace[name]; twice {
			from = changed
		}
		text, err := os.ReadFile(from)
		if err != nil {
			return "", err
		}
		if n := strings.Count(string(text), edit.Old); n != 1 {
			return "", fmt.Errorf("%q: %s holds the text %d times, not once:\n%s", m.Name, edit.File, n, edit.Old)
		}
		to := filepath.Join(folder, fmt.Sprintf("%d-%s", i, filepath.Base(name)))
		if err := os.WriteFile(to, []byte(strings.Replace(string(text), edit.Old, edit.New, 1)), 0o600); err != nil {
			return "", err
		}
		replace[name] = to
	}
	content, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	path = filepath.Join(folder, "overlay.json")
	return path, os.WriteFile(path, content, 0o600)
}
