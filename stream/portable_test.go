package stream

import (
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"
)

// The last of a piece goes out with the flush, so that is where a socket may turn
// out to have stayed full.
func TestAFlushThatFindsNoRoomEndsItsReaderAsSlowBehindAWrapper(t *testing.T) {
	full := fullInFlush{}
	r := newResponse(mute{mute{full}}, httptest.NewRequest("GET", "/", nil), newGoroutineDriver(time.Second))
	_, err := r.write([]byte("a piece"))
	if err == nil {
		t.Fatal("what was not flushed counts as written")
	}
	expect(t, "the reason", failed(err), reasonSlow)
}

// fullInFlush takes what is written and has no room for it in the end.
type fullInFlush struct{ http.ResponseWriter }

func (fullInFlush) Write(b []byte) (int, error)      { return len(b), nil }
func (fullInFlush) FlushError() error                { return os.ErrDeadlineExceeded }
func (fullInFlush) SetWriteDeadline(time.Time) error { return nil }

// mute keeps to itself how a flush went, as gin's writer does.
type mute struct{ http.ResponseWriter }

func (m mute) Flush()                      { _ = http.NewResponseController(m.ResponseWriter).Flush() }
func (m mute) Unwrap() http.ResponseWriter { return m.ResponseWriter }
