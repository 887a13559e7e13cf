package parleytest

import (
	"bytes"
	"errors"
	"io"
	"sync"
)

// framing is where a stream's frames end, and how its last one looks.
type framing struct {
	end string
	bye func(reason string) string
}

// framings are those of the contract; text has no frames but messages.
var framings = map[string]framing{
	"text/event-stream":    {"\n\n", func(reason string) string { return "event: bye\ndata: {\"reason\":\"" + reason + "\"}\n\n" }},
	"application/x-ndjson": {"\n", func(reason string) string { return `{"event":"bye","data":{"reason":"` + reason + "\"}}\n" }},
	"text/plain":           {"\n", func(string) string { return "" }},
}

// errCut is why a stream breaks off.
var errCut = errors.New("the stream was cut")

// tap is a stream's body on its way to the client. It passes on whole frames alone, so that a
// last one can be put behind them at any time.
type tap struct {
	framing
	user, token string
	body        io.ReadCloser
	out         *io.PipeReader
	in          *io.PipeWriter
	// closed is called once nothing of it is left.
	closed func()

	mu   sync.Mutex // one writes at a time
	over bool
}

func newTap(body io.ReadCloser, fr framing) *tap {
	t := &tap{framing: fr, body: body}
	t.out, t.in = io.Pipe()
	go t.pump()
	return t
}

// Read implements [io.Reader].
func (t *tap) Read(p []byte) (int, error) { return t.out.Read(p) }

// Close implements [io.Closer].
func (t *tap) Close() error {
	t.closed()
	_ = t.out.Close()
	return t.body.Close()
}

// pump passes on what the server sends, up to the end of the last whole frame.
func (t *tap) pump() {
	var held []byte
	buf := make([]byte, 32<<10)
	for {
		n, err := t.body.Read(buf)
		held = append(held, buf[:n]...)
		if i := bytes.LastIndex(held, []byte(t.end)); i >= 0 {
			whole := i + len(t.end)
			if !t.write(held[:whole]) {
				return
			}
			held = append(held[:0], held[whole:]...)
		}
		if err != nil {
			t.write(held)
			_ = t.in.CloseWithError(err)
			return
		}
	}
}

// write passes on frames, and says whether the stream goes on.
func (t *tap) write(frames []byte) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over {
		return false
	}
	_, err := t.in.Write(frames)
	return err == nil
}

// cut breaks the stream off.
func (t *tap) cut() {
	_ = t.in.CloseWithError(errCut)
	_ = t.body.Close()
}

// bye ends the stream cleanly, with a word where the framing has one for it.
func (t *tap) bye(reason string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.over = true
	_, _ = io.WriteString(t.in, t.framing.bye(reason))
	_ = t.in.Close()
	_ = t.body.Close()
}
