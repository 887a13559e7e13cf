package stream

import "strconv"

// The wire form of server-sent events: WHATWG HTML, section 9.2, "Server-sent
// events". The lines of a block stand in the order event, data, id: some clients
// keep the id of a block that was cut, and then must at least not have taken the
// id before the data.

// appendBlock appends one block. An empty name is the default event "message";
// an id below 0 is none.
func appendBlock(dst []byte, name string, data []byte, id int64) []byte {
	if name != "" {
		dst = append(dst, "event: "...)
		dst = append(dst, name...)
		dst = append(dst, '\n')
	}
	dst = append(dst, "data: "...)
	dst = append(dst, data...)
	dst = append(dst, '\n')
	if id >= 0 {
		dst = appendIDLine(dst, id)
	}
	return append(dst, '\n')
}

// appendPrime appends a block that has an id and nothing else: it dispatches no
// event, and moves the place that the client resumes from.
func appendPrime(dst []byte, id int64) []byte {
	return append(appendIDLine(dst, id), '\n')
}

func appendIDLine(dst []byte, id int64) []byte {
	dst = append(dst, "id: "...)
	dst = strconv.AppendInt(dst, id, 10)
	return append(dst, '\n')
}

// appendRetry appends the time after which a client shall reconnect, in
// milliseconds.
func appendRetry(dst []byte, ms int64) []byte {
	dst = append(dst, "retry: "...)
	dst = strconv.AppendInt(dst, ms, 10)
	return append(dst, "\n\n"...)
}
