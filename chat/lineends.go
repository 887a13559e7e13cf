package chat

import "bytes"

// lineEnds are the characters that end a line for clients that go by Unicode, such as
// Python's splitlines, and that JSON lets stand as they are: U+0085, U+2028, U+2029.
var lineEnds = []struct{ raw, escaped []byte }{
	{[]byte("\u0085"), []byte(`\u0085`)},
	{[]byte("\u2028"), []byte(`\u2028`)},
	{[]byte("\u2029"), []byte(`\u2029`)},
}

// EscapeLineEnds escapes those characters in a JSON text, which then is one line to
// every client. They stand inside strings alone, so their bytes can be replaced. It
// takes data over.
func EscapeLineEnds(data []byte) []byte {
	for _, end := range lineEnds {
		if bytes.Contains(data, end.raw) {
			data = bytes.ReplaceAll(data, end.raw, end.escaped)
		}
	}
	return data
}
