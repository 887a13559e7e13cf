package stream

// scratch holds the buffers that a driver reuses between readers.
type scratch struct {
	// found is what a look gathers, wires the bytes of its frames, ready to be written.
	found mergeBuffer
	wires []byte
	// encoded are the frames that were encoded for them.
	encoded []*frame
	// out is for frames that have no place in the log.
	out, chunk []byte
	// copied says of which frames wires holds the bytes, and for which readers: those of
	// one room that are woken together are shown the same.
	copied copied
}

// copied names the content of a [scratch]'s wires.
type copied struct {
	first, last *frame
	count       int
	edition     int
	framing     Framing
	chunked     bool
}
