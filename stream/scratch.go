package stream

// scratch is what a driver uses for one reader after another.
type scratch struct {
	// found is what a look gathers, wires the bytes of its frames, ready to be written.
	found mergeBuffer
	wires []byte
	// out is for frames that have no place in the log.
	out, chunk []byte
	// copied says of which frames wires holds the bytes, and for whom: readers of one
	// room that are woken together are shown the same.
	copied copied
}

// copied names the content of a [scratch]'s wires.
type copied struct {
	first, last *frame
	count       int
	framing     Framing
	chunked     bool
}
