package stream

// tally counts the bytes of the frames that a room or a segment holds, and counts
// them in the total of all of its kind.
type tally struct {
	bytes int
	total *int
}

func (t *tally) add(bytes int) {
	t.bytes += bytes
	*t.total += bytes
}

// hold counts a frame, which is held in one place alone.
func (t *tally) hold(f *frame) {
	f.tally, f.counted = t, f.size()
	t.add(f.counted)
}

// drop counts a frame no longer.
func (t *tally) drop(f *frame) {
	t.add(-f.counted)
	f.tally = nil
}

// recount counts what was encoded of the frame since it was last counted.
func (f *frame) recount() {
	if f.tally == nil {
		return
	}
	grown := f.size() - f.counted
	f.counted += grown
	f.tally.add(grown)
}
