package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/r3labs/sse/v2"

	"parley/chat"
)

func TestAnEventCutAtAnyByteIsGivenOnceAfterTheReconnect(t *testing.T) {
	s := newService(t)
	second := "event: member.joined\ndata: {\"seq\":2,\"chat\":\"lobby\",\"username\":\"bob\",\"role\":\"member\"}\nid: 2\n\n"
	var scripts []func(wire)
	for at := range len(second) {
		scripts = append(scripts,
			func(w wire) { w.wantLastID("0"); w.message(1); w.send(second[:at]); w.cut() },
			func(w wire) { w.wantLastID("1"); w.send(second); w.message(3); w.hold() },
		)
	}
	s.lobby(t, scripts...)
	for range len(second) {
		events, err := s.follow(t, After(0), 3)
		wantIDs(t, events, err, "1 2 3")
	}
}

func TestAnEventCutByACleanEndDoesNotCount(t *testing.T) {
	s := newService(t)
	frame := messageFrame(2, "cut")
	s.lobby(t,
		func(w wire) { w.message(1); w.send(strings.TrimSuffix(frame, "\n")) },
		func(w wire) { w.wantLastID("1"); w.send(frame); w.hold() },
	)
	events, err := s.follow(t, After(0), 2)
	wantIDs(t, events, err, "1 2")
}

func TestAnEventIsWhatTheServiceSays(t *testing.T) {
	s := newService(t)
	s.lobby(t, func(w wire) {
		w.send("retry: 1000\n\nid: 4\n\n")
		w.send(messageFrame(5, "line\nline"))
		w.send("event: member.joined\ndata: {\"seq\":6,\"chat\":\"lobby\",\"username\":\"bob\",\"role\":\"member\"}\nid: 6\n\n")
		w.send("event: chat.updated\ndata: {\"seq\":7,\"chat\":\"lobby\",\"title\":\"T\",\"visibility\":\"public\"}\nid: 7\n\n")
		w.send("event: chat.joined\ndata: {\"seq\":1,\"chat\":\"attic\"}\nid: 8\n\n")
		w.send("event: ready\ndata: {\"head\":8}\n\n")
		w.send("event: message.edited\ndata: {\"id\":5,\"seq\":9,\"chat\":\"lobby\",\"author\":\"ann\",\"text\":\"new\",\"created_at\":\"2026-01-02T03:04:05.678Z\"}\nid: 9\n\n")
		w.send("event: from.tomorrow\ndata: {\"seq\":10,\"chat\":\"lobby\",\"x\":1}\nid: 10\n\n")
		w.hold()
	})
	events, err := s.follow(t, After(4), 7)
	wantIDs(t, events, err, "5 6 7 8 0 9 10")
	created := chat.NewTime(time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC))
	if m := events[0].Message; !reflect.DeepEqual(*m, chat.Message{ID: 5, Seq: 5, Chat: "lobby", Author: "ann", Text: "line\nline", CreatedAt: created}) {
		t.Errorf("message: %+v", m)
	}
	if m := events[1].Member; *m != (chat.MemberChange{Seq: 6, Chat: "lobby", Username: "bob", Role: chat.RoleMember}) {
		t.Errorf("member: %+v", m)
	}
	if u := events[2].Update; *u != (chat.ChatUpdate{Seq: 7, Chat: "lobby", Title: "T", Visibility: chat.Public}) {
		t.Errorf("update: %+v", u)
	}
	if e := events[3]; e.Name != chat.NameChatJoined || e.Chat != "attic" || e.Seq != 1 || e.Cursor != "8" {
		t.Errorf("chat.joined: %+v", e)
	}
	if e := events[4]; e.Name != Ready || e.Durable() || e.Cursor != "8" {
		t.Errorf("ready: %+v", e)
	}
	if e := events[5]; e.ID != 9 || e.Seq != 9 || e.Message.ID != 5 || e.Message.Version() != 9 || e.Message.Text != "new" {
		t.Errorf("message.edited: %+v", e)
	}
	if e := events[6]; e.Name != "from.tomorrow" || e.Chat != "lobby" || e.Seq != 10 || string(e.Data) != `{"seq":10,"chat":"lobby","x":1}` {
		t.Errorf("unknown: %+v", e)
	}
}

func TestASignalBehindAnEventHasNoID(t *testing.T) {
	s := newService(t)
	s.lobby(t, func(w wire) {
		w.message(1)
		w.send(": a comment\n\n")
		w.send("event: ping\ndata: {\"now\":\"2026-01-02T03:04:05.678Z\",\"head\":1}\n\n")
		w.send("event: typing\ndata: {\"chat\":\"lobby\",\"username\":\"bob\"}\n\n")
		w.message(2)
		w.hold()
	})
	events, err := s.follow(t, After(0), 3)
	wantIDs(t, events, err, "1 0 2")
	if e := events[1]; e.Name != "typing" || e.Durable() || e.Cursor != "1" {
		t.Errorf("%+v", e)
	}
}

func TestThePositionMovesWithAnIDAlone(t *testing.T) {
	s := newService(t)
	s.lobby(t,
		func(w wire) { w.wantLastID(""); w.send("id: 41\n\n"); w.message(42); w.send("id: 50\n\n"); w.cut() },
		func(w wire) { w.wantLastID("50"); w.message(51); w.hold() },
	)
	events, err := s.follow(t, Now, 2)
	wantIDs(t, events, err, "42 51")
}

func TestACursorThatIsNoPositionIsLeftToTheService(t *testing.T) {
	for _, c := range []struct {
		from          Cursor
		after, lastID string
	}{
		{"", "", ""}, {Now, "now", ""}, {Earliest, "earliest", ""}, {"rubbish &", "rubbish &", ""},
		{After(7), "", "7"}, {"0", "", "0"}, {"1234567890123456789", "1234567890123456789", ""},
	} {
		t.Run(string(c.from), func(t *testing.T) {
			s := newService(t)
			s.lobby(t, func(w wire) {
				if got := w.r.URL.Query().Get("after"); got != c.after {
					t.Errorf("?after=%q", got)
				}
				w.wantLastID(c.lastID)
				w.message(100)
				w.hold()
			})
			if _, err := s.follow(t, c.from, 1); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestARepeatedEventIsGivenOnce(t *testing.T) {
	s := newService(t)
	s.lobby(t,
		func(w wire) { w.message(1); w.message(2); w.message(2); w.message(1); w.cut() },
		func(w wire) { w.message(1); w.message(2); w.message(3); w.hold() },
	)
	events, err := s.follow(t, After(0), 3)
	wantIDs(t, events, err, "1 2 3")
}

func TestLongFramesArriveWhole(t *testing.T) {
	s := newService(t)
	// The service keeps below 60 KiB; r3labs/sse by itself stops at 64.
	lengths := []int{60 << 10, 1, 64 << 10, 900 << 10, 2}
	s.lobby(t, func(w wire) {
		for i, n := range lengths {
			w.send(messageFrame(int64(i+1), strings.Repeat("x", n)))
		}
		w.hold()
	})
	events, err := s.follow(t, After(0), len(lengths))
	wantIDs(t, events, err, "1 2 3 4 5")
	for i, e := range events {
		if e.Message.Text != strings.Repeat("x", lengths[i]) {
			t.Errorf("event %d has a text of %d bytes, want %d", e.ID, len(e.Message.Text), lengths[i])
		}
	}
}

func TestAFrameLongerThanAnyTheServiceSendsEndsTheSequence(t *testing.T) {
	s := newService(t)
	s.lobby(t, func(w wire) { w.send(messageFrame(1, strings.Repeat("x", maxFrame))); w.hold() })
	if events, err := s.follow(t, After(0), 1); !errors.Is(err, errFrameTooLong) {
		t.Errorf("%d events, %v", len(events), err)
	}
}

func TestEndsThatAreNotFinalAreSurvived(t *testing.T) {
	bye := func(reason string) string { return fmt.Sprintf("event: bye\ndata: {\"reason\":%q}\n\n", reason) }
	for name, end := range map[string]func(wire){
		"clean, without a bye":   func(w wire) {},
		"broken, without a bye":  func(w wire) { w.cut() },
		"rotate, broken":         func(w wire) { w.send(bye("rotate")); w.cut() },
		"shutdown, broken":       func(w wire) { w.send(bye("shutdown")); w.cut() },
		"shutdown, clean":        func(w wire) { w.send(bye("shutdown")) },
		"slow":                   func(w wire) { w.send(bye("slow")); w.cut() },
		"a reason from tomorrow": func(w wire) { w.send(bye("tomorrow")) },
		"bye, and no end":        func(w wire) { w.send(bye("rotate")); w.hold() },
		"problem unavailable":    func(w wire) { w.send("event: problem\ndata: {\"status\":503,\"code\":\"unavailable\"}\n\n") },
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t)
			n := s.lobby(t,
				func(w wire) { w.message(1); end(w) },
				func(w wire) { w.wantLastID("1"); w.message(2); w.hold() },
			)
			events, err := s.follow(t, After(0), 2)
			wantIDs(t, events, err, "1 2")
			if n.Load() != 2 {
				t.Errorf("%d connections", n.Load())
			}
		})
	}
}

func TestFinalByesEndTheSequence(t *testing.T) {
	for reason, typed := range map[string]bool{"limit": false, "timeout": false, "left": true, "deleted": true, "revoked": true} {
		t.Run(reason, func(t *testing.T) {
			s := newService(t)
			n := s.lobby(t, func(w wire) { w.message(1); w.send(fmt.Sprintf("event: bye\ndata: {\"reason\":%q}\n\n", reason)) })
			events, err := s.follow(t, After(0), 5)
			if ids(events) != "1" || n.Load() != 1 {
				t.Errorf("events %s over %d connections", ids(events), n.Load())
			}
			ended, ok := errors.AsType[*Ended](err)
			if ok != typed || !typed && err != nil || ok && ended.Reason != reason {
				t.Errorf("%v", err)
			}
			if got := errors.Is(err, chat.ErrSessionEnded); got != (reason == "revoked") {
				t.Errorf("is chat.ErrSessionEnded: %t", got)
			}
		})
	}
}

func TestAResetIsToldAndTheSequenceGoesOnFromItsCursor(t *testing.T) {
	s := newService(t)
	s.lobby(t,
		func(w wire) {
			w.wantLastID("900")
			w.send("event: reset\ndata: {\"reason\":\"ahead\",\"cursor\":7}\nid: 7\n\n")
			w.cut()
		},
		func(w wire) { w.wantLastID("7"); w.message(8); w.hold() },
	)
	events, err := s.follow(t, After(900), 2)
	wantIDs(t, events, err, "0 8")
	if e := events[0]; e.Name != Reset || e.Reason != "ahead" || e.Cursor != "7" {
		t.Errorf("%+v", e)
	}
}

func TestASilentConnectionIsReplaced(t *testing.T) {
	s := newService(t, WithSilence(50*time.Millisecond))
	// Each place is silent in its ways and then goes on, for as long as it is asked: on a
	// busy machine what was sent may come too late.
	ways := map[string][]func(wire){
		"0": {
			func(w wire) { w.hold() },
			func(w wire) { w.w.(http.Flusher).Flush(); w.hold() },
			func(w wire) { w.message(1); w.hold() },
		},
		"1": {
			func(w wire) { w.send("data: half a frame"); w.hold() },
			func(w wire) { w.message(2); w.hold() },
		},
	}
	var mu sync.Mutex
	next := func(w wire) {
		mu.Lock()
		at := w.r.Header.Get("Last-Event-ID")
		way := ways[at][0]
		if len(ways[at]) > 1 {
			ways[at] = ways[at][1:]
		}
		mu.Unlock()
		way(w)
	}
	s.lobby(t, slices.Repeat([]func(wire){next}, 1000)...)
	events, err := s.follow(t, After(0), 2)
	wantIDs(t, events, err, "1 2")
}

func TestAnyByteBreaksTheSilence(t *testing.T) {
	const silence = 2 * time.Second // a busy machine may stand still for a part of it
	s := newService(t, WithSilence(silence))
	n := s.lobby(t, func(w wire) {
		tick := time.NewTicker(silence / 40)
		defer tick.Stop()
		for range 60 { // half as much again as the silence
			<-tick.C
			w.send(":\n")
		}
		w.message(1)
		w.hold()
	})
	events, err := s.follow(t, After(0), 1)
	wantIDs(t, events, err, "1")
	if n.Load() != 1 {
		t.Errorf("%d connections", n.Load())
	}
}

func TestTheWaitGrowsWhileNothingSucceedsAndThenStartsAnew(t *testing.T) {
	s := newService(t)
	s.lobby(t,
		func(w wire) { w.send("retry: 2000\n\n"); w.cut() },
		func(w wire) { w.cut() },
		func(w wire) { w.w.WriteHeader(502) },
		func(w wire) { w.message(1); w.cut() },
		func(w wire) { w.message(2); w.hold() },
	)
	events, err := s.follow(t, After(0), 2)
	wantIDs(t, events, err, "1 2")
	for i, least := range []time.Duration{2 * time.Second, 4 * time.Second, 8 * time.Second, 2 * time.Second} {
		if got := s.waits.all()[i]; got < least || got > least*3/2 {
			t.Errorf("wait %d is %v, want %v and up to half as much more", i, got, least)
		}
	}
}

func TestTheWaitIsBoundedUnlessTheServiceAsksForMore(t *testing.T) {
	b := backoff{base: time.Second, limit: 30 * time.Second}
	for range 100 {
		if d := b.next(0); d > 45*time.Second {
			t.Fatal(d)
		}
	}
	if d := b.next(5 * time.Minute); d < 5*time.Minute {
		t.Error(d)
	}
	b = backoff{base: time.Minute, limit: 30 * time.Second}
	for range 5 {
		if d := b.next(0); d < time.Minute || d > 90*time.Second {
			t.Error(d)
		}
	}
}

func TestRetryAfterIsKept(t *testing.T) {
	s := newService(t)
	s.lobby(t,
		func(w wire) { w.w.Header().Set("Retry-After", "20"); refuse(w.w, 503, chat.ErrUnavailable) },
		func(w wire) { w.message(1); w.hold() },
	)
	events, err := s.follow(t, After(0), 1)
	wantIDs(t, events, err, "1")
	if got := s.waits.all(); len(got) != 1 || got[0] < 20*time.Second {
		t.Errorf("waits: %v", got)
	}
}

func TestAServiceThatIsNotThereYetIsWaitedFor(t *testing.T) {
	s := newService(t)
	there := s.client.base
	s.client.base = "http://127.0.0.1:1"
	tries := 0
	s.client.pause = func(ctx context.Context, _ time.Duration) error {
		if tries++; tries == 3 {
			s.client.base = there
		}
		return ctx.Err()
	}
	s.lobby(t, func(w wire) { w.message(1); w.hold() })
	events, err := s.follow(t, After(0), 1)
	wantIDs(t, events, err, "1")
}

func TestARefusalThatStaysEndsTheSequence(t *testing.T) {
	s := newService(t)
	n := s.lobby(t,
		func(w wire) { w.message(1); w.cut() },
		func(w wire) { refuse(w.w, 403, chat.ErrNotAMember) },
	)
	events, err := s.follow(t, After(0), 5)
	p, ok := errors.AsType[*Problem](err)
	if !ok || !errors.Is(err, chat.ErrNotAMember) || p.Status != 403 || p.RequestID != "r-1" {
		t.Errorf("%v", err)
	}
	if ids(events) != "1" || n.Load() != 2 {
		t.Errorf("events %s over %d connections", ids(events), n.Load())
	}
}

func TestAnAnswerThatIsNoStreamEndsTheSequence(t *testing.T) {
	s := newService(t)
	s.lobby(t, func(w wire) { w.w.Header().Set("Content-Type", "text/html"); w.send("<p>data: welcome") })
	if _, err := s.follow(t, Now, 1); !errors.Is(err, errNoStream) {
		t.Error(err)
	}
}

func TestAMalformedEventIsNotLeftOutInSilence(t *testing.T) {
	s := newService(t)
	s.lobby(t, func(w wire) { w.send("data: {\"id\":1,\"id\":1}\nid: 1\n\n"); w.message(2); w.hold() })
	events, err := s.follow(t, After(0), 1)
	if len(events) != 0 || !errors.Is(err, errBadEvent) {
		t.Errorf("%v, %v", events, err)
	}
}

func TestBreakingOutClosesTheConnection(t *testing.T) {
	s := newService(t)
	closed := make(chan struct{})
	s.lobby(t, func(w wire) {
		for id := range int64(1000) { // more than the loop takes
			w.message(id + 1)
		}
		w.hold()
		close(closed)
	})
	events, err := s.follow(t, After(0), 3)
	wantIDs(t, events, err, "1 2 3")
	select {
	case <-closed:
	case <-time.After(soon):
		t.Error("the connection is still open")
	}
}

func TestTheContextEndsTheSequence(t *testing.T) {
	s := newService(t)
	s.lobby(t, func(w wire) { w.message(1); w.hold() })
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	for _, err := range s.client.Follow(ctx, "lobby", After(0)) {
		last = err
		cancel()
	}
	if !errors.Is(last, context.Canceled) {
		t.Error(last)
	}
}

func TestTheContextEndsTheWaitBeforeAReconnect(t *testing.T) {
	s := newService(t)
	s.client.pause = pause
	s.lobby(t, func(w wire) { w.send("retry: 3600000\n\n"); w.message(1) })
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	var last error
	for _, err := range s.client.Follow(ctx, "lobby", After(0)) {
		last = err
	}
	if !errors.Is(last, context.DeadlineExceeded) {
		t.Error(last)
	}
}

func TestALoopThatPanicsOrExitsLeavesNothingBehind(t *testing.T) {
	s := newService(t)
	s.lobby(t, burst, burst)
	leave := func(how func()) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			defer func() { recover() }()
			for range s.client.Follow(testContext(t), "lobby", After(0)) {
				how()
			}
		}()
		<-done
	}
	leave(func() { panic("in the loop") })
	leave(runtime.Goexit)
	// newService looks for what is left.
}

// burst sends more than a loop of these tests takes.
func burst(w wire) {
	for id := range int64(100) {
		w.message(id + 1)
	}
	w.hold()
}

// wantGone looks for a function that should have returned.
func wantGone(t *testing.T, function string) {
	t.Helper()
	stacks := make([]byte, 1<<20)
	if stacks = stacks[:runtime.Stack(stacks, true)]; strings.Contains(string(stacks), function) {
		t.Errorf("%s is still at work", function)
	}
}

func TestTheConnectionIsGoneWhenTheLoopHasEnded(t *testing.T) {
	s := newService(t)
	s.lobby(t, slices.Repeat([]func(wire){burst}, 20)...)
	for range 20 {
		_, err := s.follow(t, After(0), 1)
		wantGone(t, "(*Client).subscribe")
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestARenewalForAStreamIsGoneWhenTheLoopHasEnded(t *testing.T) {
	s := newService(t)
	s.client.renewalGrace = 50 * time.Millisecond
	a := s.accounts(time.Hour)
	renewing := make(chan struct{})
	a.before = func(int64) { renewing <- struct{}{}; <-t.Context().Done() }
	s.lobby(t, func(w wire) {
		s.age(time.Hour / 2)
		w.send("event: auth\ndata: {\"expires_in\":60}\n\n")
		<-renewing
		w.message(1)
		w.hold()
	})
	s.logIn(t)
	_, err := s.follow(t, After(0), 1)
	wantGone(t, "(*Client).keep")
	if err != nil {
		t.Fatal(err)
	}
}

func TestNoFrameIsDeliveredBehindOneThatWasDropped(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	out := make(chan *sse.Event, 1000)
	cancel()
	for range cap(out) {
		deliver(ctx, out, &sse.Event{})
	}
	if len(out) != 0 {
		t.Errorf("%d frames came through behind the end", len(out))
	}
}

func TestEachRangeBeginsAtFrom(t *testing.T) {
	s := newService(t)
	one := func(w wire) { w.wantLastID("3"); w.message(4); w.message(5); w.hold() }
	s.lobby(t, one, one)
	seq := s.client.Follow(testContext(t), "lobby", After(3))
	for range 2 {
		for ev, err := range seq {
			if wantIDs(t, []Event{ev}, err, fmt.Sprint(ev.ID)); ev.ID == 5 {
				break
			}
		}
	}
}

func TestFollowAllFollowsEveryChat(t *testing.T) {
	s := newService(t)
	s.streams(t, "/stream", func(w wire) { w.message(9); w.hold() })
	for ev, err := range s.client.FollowAll(testContext(t), After(8)) {
		wantIDs(t, []Event{ev}, err, "9")
		break
	}
}

func TestAnHTTPTimeoutDoesNotCountTheLifeOfAStream(t *testing.T) {
	s := newService(t)
	s.client.http.Timeout = 50 * time.Millisecond
	n := s.lobby(t, func(w wire) {
		w.message(1)
		<-time.After(3 * s.client.http.Timeout)
		w.message(2)
		w.hold()
	})
	events, err := s.follow(t, After(0), 2)
	wantIDs(t, events, err, "1 2")
	if n.Load() != 1 {
		t.Errorf("%d connections", n.Load())
	}
}

func TestAStreamIsRenewedInPlace(t *testing.T) {
	s := newService(t)
	a := s.accounts(time.Hour)
	renewed := make(chan struct{})
	a.before = func(int64) { close(renewed) }
	n := s.lobby(t, func(w wire) {
		w.message(1)
		s.age(time.Hour / 2)
		w.send("event: auth\ndata: {\"expires_in\":60}\n\n")
		<-renewed
		w.message(2)
		w.hold()
	})
	s.logIn(t)
	events, err := s.follow(t, After(0), 2)
	wantIDs(t, events, err, "1 2")
	if n.Load() != 1 || a.renewals.Load() != 1 {
		t.Errorf("%d connections, %d renewals", n.Load(), a.renewals.Load())
	}
}

func TestEventsFlowWhileARenewalIsSlow(t *testing.T) {
	s := newService(t)
	a := s.accounts(time.Hour)
	seen := make(chan struct{})
	a.before = func(int64) { <-seen }
	s.lobby(t, func(w wire) {
		s.age(time.Hour / 2)
		w.send("event: auth\ndata: {\"expires_in\":60}\n\n")
		w.message(1)
		w.hold()
	})
	s.logIn(t)
	for ev, err := range s.client.Follow(testContext(t), "lobby", After(0)) {
		wantIDs(t, []Event{ev}, err, "1")
		close(seen)
		break
	}
	if got := a.renewals.Load(); got > 1 {
		t.Errorf("%d renewals", got)
	}
}

func TestManyFollowersRenewOnce(t *testing.T) {
	s := newService(t)
	a := s.accounts(time.Hour)
	const followers = 8
	open := make(chan struct{}, followers)
	told, renewed := make(chan struct{}), make(chan struct{})
	a.before = func(int64) { close(renewed) }
	script := func(w wire) {
		w.message(1)
		open <- struct{}{}
		<-told
		w.send("event: auth\ndata: {\"expires_in\":60}\n\n")
		<-renewed
		w.message(2)
		w.hold()
	}
	n := s.lobby(t, slices.Repeat([]func(wire){script}, followers)...)
	s.logIn(t)
	done := make(chan error, followers)
	for range followers {
		go func() {
			events, err := s.follow(t, After(0), 2)
			if ids(events) != "1 2" {
				err = fmt.Errorf("events %s: %w", ids(events), err)
			}
			done <- err
		}()
	}
	for range followers {
		<-open
	}
	s.age(time.Hour / 2)
	close(told)
	for range followers {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if n.Load() != followers || a.renewals.Load() != 1 {
		t.Errorf("%d connections, %d renewals", n.Load(), a.renewals.Load())
	}
}

func TestAStreamWhoseTokenEndedIsResumedWithAnotherOne(t *testing.T) {
	s := newService(t)
	s.accounts(time.Hour)
	s.lobby(t,
		func(w wire) {
			w.wantToken("access-1")
			w.message(1)
			w.send("event: bye\ndata: {\"reason\":\"expired\"}\n\n")
		},
		func(w wire) { w.wantToken("access-2"); w.wantLastID("1"); refuse(w.w, 401, unauthenticated) },
		func(w wire) { w.wantToken("access-3"); w.wantLastID("1"); w.message(2); w.hold() },
	)
	s.logIn(t)
	events, err := s.follow(t, After(0), 2)
	wantIDs(t, events, err, "1 2")
}

func TestASecond401InARowEndsTheSequence(t *testing.T) {
	s := newService(t)
	a := s.accounts(time.Hour)
	n := s.streams(t, "/chats/lobby/stream", slices.Repeat([]func(wire){func(w wire) { refuse(w.w, 401, unauthenticated) }}, 5)...)
	s.logIn(t)
	if _, err := s.follow(t, Now, 1); !errors.Is(err, unauthenticated) {
		t.Error(err)
	}
	if n.Load() != 2 || a.renewals.Load() != 1 {
		t.Errorf("%d connections, %d renewals", n.Load(), a.renewals.Load())
	}
}

func TestASessionThatIsOverEndsTheSequence(t *testing.T) {
	s := newService(t)
	a := s.accounts(time.Hour)
	a.refused.Store(true)
	s.lobby(t, func(w wire) { w.message(1); w.send("event: bye\ndata: {\"reason\":\"expired\"}\n\n") })
	s.logIn(t)
	events, err := s.follow(t, After(0), 5)
	if ids(events) != "1" || !errors.Is(err, chat.ErrBadRefreshToken) {
		t.Errorf("events %s, %v", ids(events), err)
	}
}
