package stream

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"parley/chat"
)

// A stream over many chats that is opened anew behind a failover leaves them in slices. Whoever
// told of comings between two of them found subscriptions that were over, and the process ended.
func TestAReaderIsOpenedAnewWhileItsComingIsTold(t *testing.T) {
	inHouse(t, Options{Ping: time.Hour}, func(h *house) {
		for i := range 300 {
			h.commit(joins(fmt.Sprintf("chat-%03d", i), "ann"))
		}
		kept := h.commit(numbered(1, 1)...)
		c := h.open(Start{})
		h.commit(numbered(2, 2)...)
		stop, stopped := make(chan struct{}), make(chan struct{})
		go func() { // what a leaseholder does with a fresh lease
			defer close(stopped)
			for {
				select {
				case <-stop:
					return
				default:
				}
				h.broker.notePresent()
				h.broker.takeMoves(time.Now())
			}
		}()
		h.broker.Committed([]chat.Event{h.log.failOver(kept[0].Pos, farAhead)})
		for i := 0; i < 200_000 && !strings.Contains(c.names(), "reset"); i++ {
			h.broker.position()
			h.broker.tail.lookAtLog(farAhead)
		}
		close(stop)
		<-stopped
		c.cancel()
	})
}

// What cannot be evicted of a batch may be more than memory has. An edit in its midst emptied the
// rooms that the batch had grown, and the process ended.
func TestABatchThatFillsMemoryAndEditsLeavesItsRoomsWhole(t *testing.T) {
	inHouse(t, Options{TotalBytes: 1 << 20, Ping: time.Hour}, func(h *house) {
		h.commit(joins("den", "bob"), joins("den", "ann"))
		quiet, busy := h.open(Start{Chat: "lobby"}), h.open(Start{Chat: "den"})
		h.commit(says("lobby", "bob", "old"))
		batch := []chat.Event{says("lobby", "bob", "new")}
		for range 200 {
			batch = append(batch, says("den", "bob", strings.Repeat("x", 8000)))
		}
		h.commit(append(batch, edits("den", 7, "edited"))...)
		h.commit(says("lobby", "bob", "after"))
		expect(t, "quiet", quiet.names(), "ready old new after")
		quiet.cancel()
		busy.cancel()
	})
}

func TestASignalThatComesWhileAStreamOpensIsShownAtOnce(t *testing.T) {
	inHouse(t, Options{}, func(h *house) {
		h.log.openSlow = time.Second
		began, done := time.Now(), make(chan *client)
		go func() { done <- h.open(Start{Chat: "lobby"}) }()
		time.Sleep(500 * time.Millisecond)
		h.broker.Signal(Signal{Kind: chat.SignalPresence, Chat: "lobby", Username: "bob", Present: true, At: 2})
		c := <-done
		h.sleep(4*time.Second - time.Since(began))
		expect(t, "shown", c.shown("presence"), 1)
		c.cancel()
	})
}
