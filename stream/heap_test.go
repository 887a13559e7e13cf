package stream

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"parley/chat"
)

// allocated is how many bytes are allocated.
func allocated() int {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int(stats.HeapAlloc)
}

// Whatever is said, and in however many framings it is read, memory takes what it may and
// little more.
func TestMemoryTakesOfTheHeapWhatItMay(t *testing.T) {
	const total = 4 << 20
	texts := map[string]func(i int) string{
		"short":   func(i int) string { return fmt.Sprint("hello ", i) },
		"long":    func(i int) string { return fmt.Sprint(i, strings.Repeat(" hello", 1000)) },
		"escaped": func(i int) string { return fmt.Sprint(i, strings.Repeat("\x01\n\"", 500)) },
	}
	framings := map[string][]Framing{"none": nil, "SSE": {SSE}, "all": {SSE, NDJSON, Text}, "pages": {Text, NDJSON}}
	for name, text := range texts {
		for read, framings := range framings {
			t.Run(name+" "+read, func(t *testing.T) {
				before := allocated()
				m := newMemory(total, 1<<20)
				grow := feed(m)
				for i := range 50 {
					followIn(m, fmt.Sprint("room-", i), ahead)
				}
				for i, fed := 0, 0; fed < 2*total; i++ {
					// As it comes from the log: nothing is shared with another event.
					chatID, author := fmt.Sprint("room-", i%50), fmt.Sprint("author-", i)
					e := says(chatID, author, text(i))
					e.Message.Chat, e.Message.ClientID, e.Message.CreatedAt = chatID, fmt.Sprint("key-", i), chat.NewTime(time.Now())
					grow(e)
					ro := m.room(chatID)
					f := ro.frames[len(ro.frames)-1]
					for _, fr := range framings {
						f.wire(fr)
					}
					m.recount([]*frame{f})
					fed += f.size()
				}
				used := allocated() - before
				if m.bytes() > total || m.bytes() < total*8/10 {
					t.Errorf("%d bytes are counted of %d", m.bytes(), total)
				}
				if used > total*13/10 || used < total*6/10 {
					t.Errorf("%.2f of what memory may take", float64(used)/total)
				}
				t.Logf("%.2f of what memory may take", float64(used)/total)
				runtime.KeepAlive(m)
			})
		}
	}
}

func TestASubscriptionCostsLittle(t *testing.T) {
	const streams, chats = 100, 2000
	log := newMemLog()
	b := New(log, Options{})
	var ids []string
	for i := range chats {
		ids = append(ids, fmt.Sprintf("chat-%05d", i))
	}
	before := allocated()
	var readers []*reader
	for i := range streams {
		s := as(fmt.Sprint("user-", i))
		rd := newReader(b, &s, make(wakeUps, 1))
		if err := b.admit(rd); err != nil {
			t.Fatal(err)
		}
		if _, err := b.settleIn(rd, chat.Opening{Chats: ids}); err != nil {
			t.Fatal(err)
		}
		b.subscribe(rd, ids)
		b.appear(rd)
		readers = append(readers, rd)
	}
	each := (allocated() - before) / (streams * chats)
	t.Logf("%d bytes a subscription", each)
	if each > 100 {
		t.Errorf("a subscription takes %d bytes", each)
	}
	expect(t, "subscriptions", b.subscriptions, streams*(chats+1))
	for _, rd := range readers {
		b.dismiss(rd)
	}
	expect(t, "subscriptions left", b.subscriptions, 0)
	expect(t, "rooms left", len(b.memory.rooms), 0)
}
