// Package sse reads server-sent events for the tests, strictly by WHATWG HTML
// section 9.2.6, "Interpreting an event stream", and beyond it: whatever the rules
// let pass that parley has no reason to send is an error.
package sse

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// Block is what a client makes of one block.
type Block struct {
	// Name is that of the event, empty for the default one.
	Name string
	// Data is dispatched if HasData.
	Data    string
	HasData bool
	// ID is the place that the client holds from this block on, if HasID.
	ID    string
	HasID bool
	// Retry is after what time the client comes back from now on, if HasRetry.
	Retry    time.Duration
	HasRetry bool
}

// Reader reads blocks.
type Reader struct{ lines *bufio.Reader }

// NewReader reads from r.
func NewReader(r io.Reader) *Reader { return &Reader{bufio.NewReader(r)} }

// maxLine is what some clients read of a line at the most.
const maxLine = 60 << 10

// Next returns the next block whose blank line came, or why there is none. What
// is unfinished at the end does not count.
func (r *Reader) Next() (Block, error) {
	var b Block
	for {
		line, err := r.lines.ReadString('\n')
		if err != nil {
			return Block{}, err
		}
		line = line[:len(line)-1]
		if line == "" {
			return b, nil
		}
		if err := b.take(line); err != nil {
			return Block{}, err
		}
	}
}

func (b *Block) take(line string) error {
	if len(line) > maxLine {
		return fmt.Errorf("a line of %d bytes", len(line))
	}
	if strings.ContainsAny(line, "\r\x00") {
		return fmt.Errorf("a line holds CR or NUL: %q", line)
	}
	field, value, _ := strings.Cut(line, ":")
	value = strings.TrimPrefix(value, " ")
	switch field {
	case "event":
		if b.HasData || b.HasID {
			return fmt.Errorf("event comes behind data or id")
		}
		b.Name = value
	case "data":
		if b.HasData || b.HasID {
			return fmt.Errorf("data comes twice, or behind id")
		}
		b.Data, b.HasData = value, true
	case "id":
		if _, err := strconv.ParseUint(value, 10, 63); err != nil || b.HasID {
			return fmt.Errorf("id comes twice, or is no position: %q", value)
		}
		b.ID, b.HasID = value, true
	case "retry":
		ms, err := strconv.ParseUint(value, 10, 31)
		if err != nil {
			return fmt.Errorf("retry: %q", value)
		}
		b.Retry, b.HasRetry = time.Duration(ms)*time.Millisecond, true
	default:
		return fmt.Errorf("an unknown line: %q", line)
	}
	return nil
}

// Text is the text of a message's block.
func (b Block) Text() string {
	_, text, _ := strings.Cut(b.Data, `"text":"`)
	text, _, _ = strings.Cut(text, `"`)
	return text
}
