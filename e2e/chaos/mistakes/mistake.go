// Package mistakes are changes of parley that break a promise each. They show that the
// checker works: it has to find every one of them.
//
// A mistake is no code of the program. It is a text in one of its files and what stands
// there instead, applied by an overlay.
package mistakes

import (
	"fmt"
	"slices"

	"parley/e2e/chaos/overlay"
)

// Mistake is one of them.
type Mistake struct {
	Name  string
	Edits []Edit
	// Under are changes under which the mistake shows, and which are none themselves.
	Under []Edit
}

// Edit is an [overlay.Edit] of a file of the project.
type Edit overlay.Edit

// Without is the program without the mistake, under the same changes.
func (m Mistake) Without() Mistake { return Mistake{Name: "without " + m.Name, Under: m.Under} }

// Overlay is [overlay.Write] of the mistake and of what it shows under.
func (m Mistake) Overlay(root, folder string) (path string, err error) {
	var edits []overlay.Edit
	for _, edit := range slices.Concat(m.Under, m.Edits) {
		edits = append(edits, overlay.Edit(edit))
	}
	path, err = overlay.Write(root, folder, edits...)
	if err != nil {
		return "", fmt.Errorf("%q: %w", m.Name, err)
	}
	return path, nil
}
