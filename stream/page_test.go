package stream

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley/chat"
)

// page reads a page and tells its events by name, messages by their text.
func (h *house) page(s Start, wait time.Duration) (events string, cursor int64) {
	h.t.Helper()
	if s.Actor.Username == "" {
		s.Actor = ann()
	}
	p, err := h.broker.Page(h.t.Context(), &s, wait)
	if err != nil {
		h.t.Fatal(err)
	}
	var names []string
	for _, e := range p.Events {
		name := e.Event
		if e.Event == string(chat.KindMessage) {
			var m chat.Message
			if err := json.Unmarshal(e.Data, &m); err != nil {
				h.t.Fatal(err)
			}
			name = m.Text
		}
		names = append(names, name)
	}
	return strings.Join(names, " "), p.Cursor
}

func TestPagesShowWhatAStreamShowsOneAfterAnother(t *testing.T) {
	inHouse(t, Options{}, func(h *house) {
		h.commit(numbered(1, 5)...)
		var told []string
		cursor := int64(0)
		for range 4 {
			events, next := h.page(Start{Chat: "lobby", After: strconv.FormatInt(cursor, 10), Limit: 2}, 0)
			told, cursor = append(told, events), next
		}
		expect(t, "pages", strings.Join(told, " | "), "member.joined member.joined | 1 2 | 3 4 | 5")
		expect(t, "cursor", cursor, int64(7))
		events, cursor := h.page(Start{Chat: "lobby", After: "7"}, 0)
		expect(t, "at the head", events, "")
		expect(t, "cursor", cursor, int64(7))
		events, _ = h.page(Start{Chat: "lobby", LastEventID: "8"}, time.Minute)
		expect(t, "ahead", events, "reset")
		events, _ = h.page(Start{After: "earliest"}, 0)
		expect(t, "over all chats", events, "chat.joined member.joined 1 2 3 4 5")
	})
}

func TestAPageIsWaitedForUntilSomethingHappens(t *testing.T) {
	inHouse(t, Options{}, func(h *house) {
		began := time.Now()
		time.AfterFunc(7*time.Second, func() { h.broker.Committed(h.log.commit(numbered(1, 2)...)) })
		events, _ := h.page(Start{Chat: "lobby"}, 20*time.Second)
		expect(t, "events", events, "1 2")
		expect(t, "after", time.Since(began), 7*time.Second)

		began = time.Now()
		events, cursor := h.page(Start{Chat: "lobby"}, 20*time.Second)
		expect(t, "events", events, "")
		expect(t, "cursor", cursor, int64(4))
		expect(t, "after", time.Since(began), 20*time.Second)

		ctx, cancel := context.WithCancel(h.t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err := h.broker.Page(ctx, &Start{Chat: "lobby", Actor: ann()}, time.Minute); !errors.Is(err, context.Canceled) {
			t.Errorf("whose client went: %v", err)
		}
		synctest.Wait()
		expect(t, "rooms left", len(h.broker.memory.rooms), 0)
	})
}

func TestAPageIsNotWaitedForBehindTheEndOfItsCredential(t *testing.T) {
	inHouse(t, Options{}, func(h *house) {
		began, until := time.Now(), ann().Expires.Time()
		h.sleep(10*time.Minute - 2*time.Second)
		brief := Start{Chat: "lobby", Actor: chat.Actor{Username: "ann", Session: "s-ann", Expires: chat.NewTime(until)}}
		time.AfterFunc(time.Second, func() { h.broker.Committed(h.log.commit(numbered(1, 1)...)) })
		events, _ := h.page(brief, time.Minute)
		expect(t, "before the end", events, "1")
		expect(t, "after", time.Since(began), 10*time.Minute-time.Second)

		time.AfterFunc(time.Second, func() { h.broker.Committed(h.log.commit(numbered(2, 2)...)) })
		time.AfterFunc(2*time.Second, func() { h.broker.Committed(h.log.commit(numbered(3, 3)...)) })
		events, cursor := h.page(brief, time.Minute)
		expect(t, "from the end on", events, "")
		expect(t, "cursor", cursor, int64(3))
		expect(t, "after", time.Since(began), 10*time.Minute)
	})
}

// The part of the log that it waits for arrives behind the end, with what was committed meanwhile.
func TestAPageShowsNothingThatIsReadBehindTheEndOfItsCredential(t *testing.T) {
	inHouse(t, Options{RoomBytes: 1}, func(h *house) {
		h.commit(numbered(1, 5)...)
		h.log.slow = 2 * time.Second
		brief := ann()
		brief.Expires = chat.NewTime(time.Now().Add(time.Second))
		began := time.Now()
		events, cursor := h.page(Start{Chat: "lobby", After: "earliest", Actor: brief}, time.Minute)
		expect(t, "events", events, "")
		expect(t, "cursor", cursor, int64(0))
		expect(t, "after", time.Since(began), time.Second)
	})
}

func TestAPageIsRefusedWhereTheLogCannotBeRead(t *testing.T) {
	inHouse(t, Options{RoomBytes: 1}, func(h *house) {
		h.commit(numbered(1, 5)...)
		time.AfterFunc(time.Millisecond, func() { h.log.setBroken(true) })
		h.log.slow = time.Second
		_, err := h.broker.Page(h.t.Context(), &Start{Chat: "lobby", After: "earliest", Actor: ann()}, 0)
		if !errors.Is(err, chat.ErrUnavailable) {
			t.Errorf("error: %v", err)
		}
	})
}

func TestADrainEndsTheWaitForAPage(t *testing.T) {
	inHouse(t, Options{}, func(h *house) {
		time.AfterFunc(time.Second, h.broker.Drain)
		began := time.Now()
		h.page(Start{Chat: "lobby"}, time.Minute)
		expect(t, "after", time.Since(began), time.Second)
	})
}

// Its room is there and reaches back, but the tail has yet to come to the head that
// the page began at.
func TestAPageWaitsForNoLogThatDoesNotAnswer(t *testing.T) {
	inHouse(t, Options{}, func(h *house) {
		h.commit(numbered(1, 1)...)
		h.log.slow = time.Hour
		h.log.commit(numbered(2, 2)...)
		ask := func(after string) (Page, error) {
			return h.broker.Page(h.t.Context(), &Start{Chat: "lobby", After: after, Actor: ann()}, 10*time.Second)
		}
		began := time.Now()
		if _, err := ask("3"); !errors.Is(err, chat.ErrUnavailable) {
			t.Errorf("error: %v", err)
		}
		expect(t, "after", time.Since(began), 10*time.Second+pageGrace)

		began = time.Now()
		time.AfterFunc(time.Second, h.broker.Drain)
		if _, err := ask("3"); !errors.Is(err, chat.ErrUnavailable) {
			t.Errorf("error: %v", err)
		}
		expect(t, "a drain ends it after", time.Since(began), time.Second)
	})
}
