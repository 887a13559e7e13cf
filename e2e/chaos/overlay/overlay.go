// Package overlay changes source files for one build, by "go build -overlay": the changed
// copies exist in a temporary folder alone.
package overlay

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Edit replaces a text that stands in a file exactly once. With an empty Old, New is the text
// of a file that is added and is not there yet.
type Edit struct{ File, Old, New string }

// Write writes the changed files to folder, and a file for "go build -overlay". root is the
// folder that the edits' files are in. It is an error if a text does not stand where it
// should: then the program has changed, and the edit has to follow.
func Write(root, folder string, edits ...Edit) (path string, err error) {
	replace := make(map[string]string)
	for i, edit := range edits {
		name, err := filepath.Abs(filepath.Join(root, edit.File))
		if err != nil {
			return "", err
		}
		from := name
		if changed, twice := replace[name]; twice {
			from = changed
		}
		text, err := edit.applied(from)
		if err != nil {
			return "", err
		}
		to := filepath.Join(folder, fmt.Sprintf("%d-%s", i, filepath.Base(name)))
		if err := os.WriteFile(to, []byte(text), 0o600); err != nil {
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

func (e Edit) applied(from string) (string, error) {
	if e.Old == "" {
		if _, err := os.Stat(from); !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("%s is there already", e.File)
		}
		return e.New, nil
	}
	text, err := os.ReadFile(from)
	if err != nil {
		return "", err
	}
	if n := strings.Count(string(text), e.Old); n != 1 {
		return "", fmt.Errorf("%s holds the text %d times, not once:\n%s", e.File, n, e.Old)
	}
	return strings.Replace(string(text), e.Old, e.New, 1), nil
}
