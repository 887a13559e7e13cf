package stream

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

// However often its socket is full, what was read of the log for a reader is not read
// again.
func TestASlowReaderReadsTheLogOnce(t *testing.T) {
	const messages = 3000
	for _, s := range []Start{{}, {Chat: "lobby"}} {
		for _, padding := range []int{0, 3000} {
			t.Run(s.Chat+" "+strconv.Itoa(padding), func(t *testing.T) {
				o := Options{RoomBytes: 20_000, Ping: time.Hour, Patience: time.Minute, TotalBytes: 2 << 20}
				inTightHouse(t, o, func(h *house) {
					s := s
					slow := h.open(s)
					slow.give(0)
					batch := numbered(1, messages)
					for i := range batch {
						batch[i].Message.Text += strings.Repeat("x", padding)
					}
					for i := 0; i < messages; i += 100 {
						h.commit(batch[i : i+100]...)
					}
					last := batch[messages-1].Message.Text
					for !strings.Contains(slow.wire.String()[max(0, slow.wire.Len()-20_000):], `"`+last+`"`) {
						slow.give(10_000)
						h.sleep(10 * time.Millisecond)
					}
					if read := h.log.memberEvents + h.log.chatEvents; read > messages*12/10 {
						t.Errorf("%d events were read of the log, where %d are in it", read, messages)
					}
					slow.cancel()
				})
			})
		}
	}
}
