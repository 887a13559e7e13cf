package main

import (
	"strings"
	"time"
)

// A stamp is at the end of every text that is posted for readers to follow. It
// begins with a byte that is nowhere else on a stream, so that it is found without
// parsing anything: neither in what servers write nor among the lengths of the
// WebSocket frames that messages and greetings of Socket.IO come to. It holds
// the lane, the number and the time of the post, in hexadecimal digits:
//
//	^LLLNNNNNNNTTTTTTTTTTTTT
//
// A lane is what one poster posts to one chat, one message after the other: every
// server has to keep their order, and so a reader that counts each lane knows what
// it lost and what it was given twice.
type stamp struct {
	lane   int
	number uint32
	// at is when the message was posted, in microseconds since 1970.
	at int64
}

const (
	stampMark = '^'
	stampSize = 1 + laneDigits + numberDigits + timeDigits

	laneDigits   = 3
	numberDigits = 7
	timeDigits   = 13
)

// stampedText is as long as text, and has room for a stamp at its end.
var stampedText = text[:len(text)-stampSize] + strings.Repeat("0", stampSize)

// put writes the stamp over the first stampSize bytes.
func (s stamp) put(b []byte) {
	b[0] = stampMark
	b = b[1:]
	b = putDigits(b, laneDigits, uint64(s.lane))
	b = putDigits(b, numberDigits, uint64(s.number))
	putDigits(b, timeDigits, uint64(s.at))
}

func putDigits(b []byte, n int, value uint64) []byte {
	for i := n - 1; i >= 0; i-- {
		b[i] = "0123456789abcdef"[value&15]
		value >>= 4
	}
	return b[n:]
}

// readStamp reads a stamp; ok is false for what is none.
func readStamp(b []byte) (s stamp, ok bool) {
	lane, ok1 := digits(b[1 : 1+laneDigits])
	number, ok2 := digits(b[1+laneDigits : 1+laneDigits+numberDigits])
	at, ok3 := digits(b[1+laneDigits+numberDigits : stampSize])
	return stamp{int(lane), uint32(number), int64(at)}, ok1 && ok2 && ok3
}

func digits(b []byte) (value uint64, ok bool) {
	for _, c := range b {
		switch {
		case c >= '0' && c <= '9':
			value = value<<4 | uint64(c-'0')
		case c >= 'a' && c <= 'f':
			value = value<<4 | uint64(c-'a'+10)
		default:
			return 0, false
		}
	}
	return value, true
}

// micros is the time as stamps tell it.
func micros(t time.Time) int64 { return t.UnixMicro() }
