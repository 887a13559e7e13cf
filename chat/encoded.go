package chat

import (
	"slices"
	"sync/atomic"
)

// Encoded is the JSON of something that does not change. It is made once: the answer to
// the author of a message and the frames of all streams share it. A nil Encoded is shared
// with nobody. All may call at once; nobody may change the bytes.
type Encoded struct{ json atomic.Pointer[[]byte] }

// Load returns the JSON, or nil if nobody has shared it yet.
func (e *Encoded) Load() []byte {
	if e == nil {
		return nil
	}
	if data := e.json.Load(); data != nil {
		return *data
	}
	return nil
}

// Share gives data to those who come later, unless it is shared already. It returns what is
// shared.
func (e *Encoded) Share(data []byte) []byte {
	data = slices.Clip(data) // who appends to it gets a copy
	if e == nil || e.json.CompareAndSwap(nil, &data) {
		return data
	}
	return *e.json.Load()
}

// Move says that the same bytes stand within something that is kept anyway, so that they
// are not kept twice.
func (e *Encoded) Move(within []byte) { e.json.Store(&within) }
