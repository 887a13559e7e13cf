package mistakes

import (
	"testing"
)

func TestEachMistakesTextStandsInTheProgramOnce(t *testing.T) {
	for _, m := range All {
		if _, err := m.Overlay("../../..", t.TempDir()); err != nil {
			t.Error(err)
		}
	}
}
