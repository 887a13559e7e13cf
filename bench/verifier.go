package main

import "bytes"

// verifier checks what one reader was given. It finds the stamps in what arrives,
// however that is cut, and holds each against the last of its lane.
type verifier struct {
	chat, group int

	// last is the number of each lane's newest message.
	last []uint32
	// began is the beginning of a stamp whose end has not arrived.
	began [stampSize]byte
	size  int
	// form, where it is not nil, checks the format of everything that arrives.
	form *form
}

// tally is what readers were given.
type tally struct {
	// Deliveries are messages that arrived, each once to each reader.
	Deliveries int64
	Bytes      int64
	Reads      int64
	// Lost are messages that were passed over, and Repeated those that came once
	// more or after a later one of their lane.
	Lost, Repeated int64
	// Broken are breaches of the wire's form.
	Broken    int64
	Latencies latencies
}

// take takes what arrived at a time, in microseconds, and returns how many
// messages that brought.
func (f *verifier) take(b []byte, now int64, t *tally) (messages int) {
	t.Bytes += int64(len(b))
	if f.form != nil {
		t.Broken += int64(f.form.take(b))
	}
	if f.size > 0 {
		n := copy(f.began[f.size:], b)
		f.size += n
		if f.size < stampSize {
			return 0
		}
		f.size = 0
		messages += f.stamped(f.began[:], now, t)
		b = b[n:]
	}
	for {
		i := bytes.IndexByte(b, stampMark)
		if i < 0 {
			return messages
		}
		b = b[i:]
		if len(b) < stampSize {
			f.size = copy(f.began[:], b)
			return messages
		}
		messages += f.stamped(b[:stampSize], now, t)
		b = b[stampSize:]
	}
}

// stamped counts a message by its stamp.
func (f *verifier) stamped(b []byte, now int64, t *tally) int {
	s, ok := readStamp(b)
	if !ok || s.lane >= len(f.last) {
		t.Broken++
		return 0
	}
	last := &f.last[s.lane]
	if s.number <= *last {
		t.Repeated++
		return 0
	}
	t.Lost += int64(s.number - *last - 1)
	*last = s.number
	t.Deliveries++
	t.Latencies.add(now - s.at)
	return 1
}

// missing is how many of what was posted, a number for each lane, has not come.
func (f *verifier) missing(posted []uint32) (n int64) {
	for lane, number := range posted {
		n += int64(number) - int64(f.last[lane])
	}
	return n
}
