package stream

import (
	"testing"
)

func TestJoinsAndLeavesCountWhereTheyAreNotShown(t *testing.T) {
	inHouse(t, Options{}, func(h *house) {
		c := h.open(Start{Framing: Text})
		h.commit(joins("den", "bob"), says("den", "bob", "unseen"), joins("den", "ann"), says("den", "bob", "a"), says("lobby", "bob", "b"))
		h.commit(says("den", "bob", "c"), leaves("den", "ann"), says("den", "bob", "unseen"))
		h.commit(says("den", "bob", "unseen"), says("lobby", "bob", "d"))
		expect(t, "lines", c.text(), "\nbob: a\nbob: b\nbob: c\nbob: d\n")
		c.cancel()
	})
}
