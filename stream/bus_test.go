package stream

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"parley/chat"
)

// recordingBus keeps what is sent to it.
type recordingBus struct {
	limit int
	// slow is how long each sending takes.
	slow time.Duration

	mu   sync.Mutex
	sent []string
	// at is when each of them was sent.
	at []time.Time
}

// Send takes no time for a beat, and does not keep it.
func (r *recordingBus) Send(ctx context.Context, message []byte) error {
	if strings.HasPrefix(string(message), `{"from":`) {
		return nil
	}
	r.mu.Lock()
	r.sent, r.at = append(r.sent, string(message)), append(r.at, time.Now())
	r.mu.Unlock()
	pause(ctx, time.Now().Add(r.slow))
	return ctx.Err()
}

func (r *recordingBus) Limit() int                                  { return r.limit }
func (r *recordingBus) Receive(ctx context.Context, _ func([]byte)) { <-ctx.Done() }
func (r *recordingBus) Down() error                                 { return nil }

func (r *recordingBus) messages() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.sent)
}

// onBus runs a test in a house that is on a bus and does not poll.
func onBus(t *testing.T, bus Bus, test func(h *house)) {
	t.Helper()
	inBubble(t, true, Options{Bus: bus, Poll: time.Hour, Ping: time.Hour, Rotate: 10 * time.Hour}, test)
}

func value(c prometheus.Collector) float64 { return testutil.ToFloat64(c) }

func TestWhatIsCommittedWhileASendIsUnderWayIsSentTogether(t *testing.T) {
	t.Parallel()
	bus := &recordingBus{limit: 1 << 20, slow: 50 * time.Millisecond}
	onBus(t, bus, func(h *house) {
		first := h.commit(numbered(1, 1)...)
		for i := range 20 {
			h.commit(numbered(2+i, 2+i)...)
		}
		h.sleep(time.Second)
		sent := bus.messages()
		if len(sent) != 2 {
			t.Fatalf("%d messages: %q", len(sent), sent)
		}
		for i, want := range [][]int64{{first[0].Pos}, seq(first[0].Pos+1, first[0].Pos+20)} {
			parsed, err := parseHint([]byte(sent[i]))
			expect(t, "error", err, nil)
			expect(t, "positions", fmt.Sprint(positions(parsed.events)), fmt.Sprint(want))
		}
	})
}

func positions(events []chat.Event) (found []int64) {
	for _, e := range events {
		found = append(found, e.Pos)
	}
	return found
}

func seq(from, to int64) (all []int64) {
	for i := from; i <= to; i++ {
		all = append(all, i)
	}
	return all
}

func TestWhatFitsNoMessageIsSentAsAPosition(t *testing.T) {
	t.Parallel()
	large := says("lobby", "bob", strings.Repeat("x", minBatch))
	for name, c := range map[string]struct {
		limit  int
		events []chat.Event
	}{
		"a large message":              {minBatch, []chat.Event{large}},
		"many messages":                {minBatch, numbered(1, 40)},
		"a batch above its own bound":  {1 << 30, numbered(1, 2000)},
		"a bus that carries positions": {100, numbered(1, 1)},
		"a bus that is not there yet":  {0, numbered(1, 1)},
		"a jump":                       {1 << 20, []chat.Event{says("lobby", "bob", "1"), {Kind: chat.KindJump}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bus := &recordingBus{limit: c.limit}
			onBus(t, bus, func(h *house) {
				committed := h.commit(c.events...)
				h.sleep(time.Second)
				want := strconv.FormatInt(committed[len(committed)-1].Pos, 10)
				expect(t, "sent", fmt.Sprint(bus.messages()), fmt.Sprint([]string{want}))
			})
		})
	}
}

func TestTooManyEventsBehindASlowBusAreSentAsAPosition(t *testing.T) {
	t.Parallel()
	bus := &recordingBus{limit: math.MaxInt, slow: time.Second}
	onBus(t, bus, func(h *house) {
		h.commit(numbered(0, 0)...)
		for range maxUnsent/100 + 1 {
			h.commit(numbered(1, 100)...)
		}
		h.sleep(3 * time.Second)
		sent := bus.messages()
		if len(sent) != 2 || sent[1] != strconv.Itoa(len(h.log.events)) {
			t.Errorf("%d messages, the last being %.100q", len(sent), sent[len(sent)-1])
		}
	})
}

func TestAMessageThatTheBusDoesNotTakeIsCounted(t *testing.T) {
	t.Parallel()
	bus := &recordingBus{limit: 1 << 20, slow: time.Hour}
	onBus(t, bus, func(h *house) {
		h.commit(numbered(1, 1)...)
		h.sleep(0)
		sent := value(h.broker.metrics.busSent)
		h.sleep(sendFor)
		expect(t, "failures", value(h.broker.metrics.busFailed), 1.0)
		expect(t, "sent", value(h.broker.metrics.busSent)-sent, 0.0)
	})
}

// everyKind is an event of each kind that is sent as a batch.
func everyKind() []chat.Event {
	events := []chat.Event{
		says("lobby", "ann", "hello"),
		says("lobby", "ann", "\"\\ \u2028\u0085\n<&>\x00 ☺"),
		joins("lobby", "bob"), leaves("lobby", "bob"), deletes("lobby"), endsSession("ann", "s1"),
		{Kind: chat.KindMemberUpdated, Chat: "lobby", Username: "ann", Role: chat.RoleOwner},
		{Kind: chat.KindChatUpdated, Chat: "lobby", Title: "Lobby", Visibility: chat.Public},
		{Kind: chat.KindUserDisabled, Username: "eve"},
	}
	events[0].Origin = "tab"
	events[1].Message.ReplyTo = 3
	events[1].Message.CreatedAt = chat.NewTime(time.UnixMilli(1_700_000_000_123))
	return newMemLog().commit(events...)
}

func TestABatchIsReadAsItWasSent(t *testing.T) {
	t.Parallel()
	events := everyKind()
	message, fits := appendBatch(nil, events, 1<<20)
	expect(t, "fits", fits, true)
	h, err := parseHint(message)
	if err != nil {
		t.Fatal(err)
	}
	clear(message) // what was received is not kept
	for i, e := range events {
		got := h.events[i]
		expect(t, "data", string(encode(got.Data())), string(encode(e.Data())))
		if e.Message != nil {
			expect(t, "encoded", string(got.Encoded.Load()), string(encode(e.Data())))
		}
		got.Encoded, e.Encoded = nil, nil
		if !reflect.DeepEqual(got, e) {
			t.Errorf("got %+v, want %+v", got, e)
		}
	}
}

func TestWhatIsNoHintIsAnError(t *testing.T) {
	t.Parallel()
	for _, message := range []string{
		"", "x", "-1", "1.5", "1 ", "9999999999999999999", strings.Repeat("0", 30), "null", "\x00", "[", "[]", "[1]", "[{}]", "{", `{"signals":1}`,
		`[{"pos":0,"kind":"member.joined"}]`, `[{"pos":1,"kind":"message"}]`, `[{"pos":1,"kind":"member.left","message":{}}]`,
		`[{"pos":1,"kind":"chat.deleted"},{"pos":3,"kind":"chat.deleted"}]`, `[{"pos":2,"kind":"chat.deleted"},{"pos":1,"kind":"chat.deleted"}]`,
		`[{"pos":1,"kind":"message","message":7}]`, `[{"pos":1,"kind":"chat.deleted"}] 5`,
	} {
		if h, err := parseHint([]byte(message)); err == nil {
			t.Errorf("%q is %+v", message, h)
		}
	}
	for message, head := range map[string]int64{"0": 0, "4711": 4711, "999999999999999999": 999999999999999999} {
		if h, err := parseHint([]byte(message)); err != nil || h.head != head {
			t.Errorf("%q is %+v, %v", message, h, err)
		}
	}
	if h, err := parseHint([]byte(`{"news":[1],"signals":[{"kind":"new","username":"ann","more":2}]}`)); err != nil || len(h.signals) != 1 {
		t.Errorf("what a newer release sends is %+v, %v", h, err)
	}
}

// Whatever arrives, what is taken for a batch is one: it can be sent again, and says the
// same.
func FuzzHintsAreReadAsTheyWereSent(f *testing.F) {
	batch, _ := appendBatch(nil, everyKind(), 1<<20)
	for _, seed := range []string{"4711", "", "[]", string(batch), `{"signals":[{"kind":"session.renewed","username":"ann","session":"s"}]}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		h, err := parseHint(message)
		if err != nil || len(h.events) == 0 {
			return
		}
		again, fits := appendBatch(nil, h.events, math.MaxInt)
		if !fits {
			return // a jump, which is not sent
		}
		second, err := parseHint(again)
		if err != nil || len(second.events) != len(h.events) {
			t.Fatalf("%q became %q: %v", message, again, err)
		}
		for i := range h.events {
			a, b := h.events[i], second.events[i]
			if a.Pos != b.Pos || a.Kind != b.Kind || a.Seq != b.Seq || a.Chat != b.Chat || a.Session != b.Session {
				t.Errorf("%+v became %+v", a, b)
			}
		}
	})
}

func TestPositionsAheadOfTheHeadCostTenReadsASecondAtMost(t *testing.T) {
	t.Parallel()
	onBus(t, &recordingBus{}, func(h *house) {
		c := h.open(Start{Chat: "lobby"})
		reads := h.log.tailReads
		const heard = 1000
		for i := range heard {
			h.broker.tail.hear(appendHead(nil, int64(1000+i)))
			h.sleep(time.Millisecond)
		}
		if n := h.log.tailReads - reads; n < 5 || n > 10 {
			t.Errorf("the log was read %d times in a second", n)
		}
		expect(t, "ignored", value(h.broker.metrics.busIgnored.WithLabelValues(ignoredAhead)), float64(heard))
		expect(t, "nothing comes of it", c.names(), "ready")
		h.sleep(distrustFor)
		h.log.commit(numbered(1, 1)...)
		h.broker.tail.hear([]byte("3"))
		h.sleep(0)
		expect(t, "a true one is believed again", c.names(), "ready 1")
		c.cancel()
	})
}

func TestWhereTheBusMayHaveLostSomethingTheLogIsRead(t *testing.T) {
	t.Parallel()
	onBus(t, &recordingBus{}, func(h *house) {
		c := h.open(Start{Chat: "lobby"})
		h.log.commit(numbered(1, 2)...)
		h.sleep(time.Minute)
		expect(t, "unheard of", c.names(), "ready")
		h.broker.tail.hear(nil)
		synctest.Wait()
		expect(t, "events", c.names(), "ready 1 2")
		c.cancel()
	})
}

func TestABusThatCarriesNoBatchesIsBelievedNone(t *testing.T) {
	t.Parallel()
	onBus(t, &recordingBus{limit: minBatch - 1}, func(h *house) {
		c := h.open(Start{Chat: "lobby"})
		forged := says("lobby", "eve", "forged")
		forged.Pos, forged.Seq = 3, 3
		message, _ := appendBatch(nil, []chat.Event{forged}, 1<<20)
		h.broker.tail.hear(message)
		h.sleep(time.Second)
		expect(t, "events", c.names(), "ready")
		h.log.commit(numbered(1, 1)...)
		h.broker.tail.hear(message)
		h.sleep(time.Second)
		expect(t, "what is in the log", c.names(), "ready 1")
		c.cancel()
	})
}

// pair runs a test with two brokers on one log and one bus.
func pair(t *testing.T, limit int, test func(a, b *house)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		bus := newSimBus(fates{}, []int{limit, limit}, false)
		bus.set(false, true)
		log := newMemLog()
		log.commit(joins("lobby", "ann"), joins("lobby", "bob"))
		var houses []*house
		for _, end := range bus.ends {
			h := &house{t: t, fast: true, log: log}
			h.broker = New(log, Options{Bus: end, Poll: time.Hour, Ping: 5 * time.Hour, Rotate: 10 * time.Hour})
			if err := h.broker.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			defer h.broker.Close()
			houses = append(houses, h)
		}
		test(houses[0], houses[1])
	})
}

func TestBatchesOfAnotherInstanceCostNoReadOfTheLog(t *testing.T) {
	t.Parallel()
	for limit, want := range map[int]int{1 << 20: 0, 100: 30} {
		pair(t, limit, func(a, b *house) {
			c := b.open(Start{Chat: "lobby"})
			reads := a.log.tailReads
			names := "ready"
			for i := range 30 {
				a.commit(numbered(i, i)...)
				a.sleep(10 * time.Millisecond)
				names += " " + strconv.Itoa(i)
			}
			expect(t, "events", c.names(), names)
			expect(t, "reads", a.log.tailReads-reads, want)
			c.cancel()
		})
	}
}

func TestSignalsAreBoundedInNumberSizeAndRate(t *testing.T) {
	t.Parallel()
	bus := &recordingBus{limit: 1 << 20}
	onBus(t, bus, func(h *house) {
		name := strings.Repeat("u", 30)
		for i := range 1000 {
			h.broker.Renewed(name, strings.Repeat("s", 30)+strconv.Itoa(i))
		}
		h.sleep(10 * time.Second)
		signals := 0
		for i, message := range bus.messages() {
			if len(message) > maxSignalsMessage {
				t.Errorf("a message of %d bytes", len(message))
			}
			if i > 0 && bus.at[i].Sub(bus.at[i-1]) < sendPace {
				t.Errorf("%v lie between two messages", bus.at[i].Sub(bus.at[i-1]))
			}
			parsed, err := parseHint([]byte(message))
			expect(t, "error", err, nil)
			signals += len(parsed.signals)
		}
		expect(t, "sent and dropped", float64(signals)+value(h.broker.metrics.busDropped), 1000.0)
		if signals < maxSignals || signals > 2*maxSignals {
			t.Errorf("%d were sent", signals)
		}
	})
}

func TestASignalThatFitsNoMessageIsDroppedAlone(t *testing.T) {
	t.Parallel()
	bus := &recordingBus{limit: 200}
	onBus(t, bus, func(h *house) {
		for _, session := range []string{"a", strings.Repeat("x", 200), "b"} {
			h.broker.Renewed("ann", session)
		}
		h.sleep(time.Second)
		all := strings.Join(bus.messages(), "")
		expect(t, "a", strings.Contains(all, `"session":"a"`), true)
		expect(t, "b", strings.Contains(all, `"session":"b"`), true)
		expect(t, "dropped", value(h.broker.metrics.busDropped), 1.0)
	})
}

func TestARenewalOnOneInstanceIsLearntAtOnceOnAnother(t *testing.T) {
	t.Parallel()
	pair(t, 100, func(a, b *house) {
		began := time.Now()
		c := b.open(Start{Chat: "lobby", Actor: actor("ann", "s")})
		until := began.Add(time.Hour)
		a.sleep(time.Minute)
		b.log.renew("s", until)
		a.broker.Renewed("ann", "s")
		a.sleep(20 * time.Millisecond)
		for rd := range b.broker.users["ann"] {
			expect(t, "expires", rd.credential.expires, until)
		}
		a.sleep(time.Until(until) - time.Second)
		expect(t, "announced for the new end alone", c.names(), "ready auth")
		c.cancel()
	})
}

func TestAFalseRenewalChangesNothing(t *testing.T) {
	t.Parallel()
	pair(t, 100, func(a, b *house) {
		c := b.open(Start{Chat: "lobby", Actor: actor("ann", "s")})
		other := b.open(Start{Chat: "lobby", Actor: actor("bob", "o")})
		for range 8 {
			a.broker.Renewed("ann", "s")
			a.broker.Renewed("bob", "nothing of this name")
			a.broker.Renewed("nobody", "s")
			a.sleep(time.Minute)
			expect(t, "not told early", c.names(), "ready")
		}
		a.sleep(61 * time.Second)
		expect(t, "told in time", c.names(), "ready auth")
		a.broker.Renewed("ann", "s")
		a.sleep(time.Second)
		expect(t, "told once", c.names(), "ready auth")
		a.sleep(time.Minute)
		expect(t, "ended", c.names(), "ready auth bye")
		expect(t, "the other", other.names(), "ready auth bye")
	})
}

// downBus is a bus that says that it is down.
type downBus struct{ recordingBus }

func (*downBus) Down() error { return errors.New("down") }

func TestABusThatIsDownDelaysByAPollAlone(t *testing.T) {
	t.Parallel()
	for _, o := range []Options{{Bus: new(downBus)}, {Bus: &recordingBus{slow: time.Hour, limit: 1 << 20}}} {
		inBubble(t, true, o, func(h *house) {
			c := h.open(Start{Chat: "lobby"})
			h.log.commit(numbered(1, 1)...)
			h.sleep(2200 * time.Millisecond)
			expect(t, "within a poll", c.names(), "ready 1")
			h.commit(numbered(2, 2)...)
			expect(t, "its own at once", c.names(), "ready 1 2")
			c.cancel()
		})
	}
}

func TestAnInstanceThatIsAloneSendsOnlyBeats(t *testing.T) {
	t.Parallel()
	bus := &recordingBus{limit: 1 << 20}
	onBus(t, bus, func(h *house) {
		beat := func(from string) {
			h.broker.tail.hear(encode(busObject{From: from}))
			h.sleep(0)
		}
		h.commit(numbered(1, 1)...)
		h.sleep(peerFor)
		expect(t, "sent before another one would have been heard", len(bus.messages()), 1)
		h.sleep(time.Second)
		h.commit(numbered(2, 2)...)
		beat(h.broker.publisher.id) // its own
		h.sleep(time.Hour)
		expect(t, "sent alone", len(bus.messages()), 1)
		beat("another")
		expect(t, "told to another one that comes", bus.messages()[1], strconv.FormatInt(h.broker.position(), 10))
		h.commit(numbered(3, 3)...)
		h.sleep(time.Second)
		expect(t, "sent to another one", len(bus.messages()), 3)
		h.sleep(peerFor)
		h.commit(numbered(4, 4)...)
		h.sleep(time.Second)
		expect(t, "sent behind it", len(bus.messages()), 3)
		h.broker.tail.hear(nil) // its beats may have been lost
		h.sleep(0)
		expect(t, "sent where beats may have been lost", len(bus.messages()), 4)
	})
}

// Whatever was committed before either was heard is found by what the other's beat says.
func TestAnInstanceThatStartsHearsOfItAtOnce(t *testing.T) {
	t.Parallel()
	pair(t, 1<<20, func(a, b *house) {
		c := b.open(Start{Chat: "lobby"})
		a.commit(numbered(1, 1)...)
		a.sleep(publishPace)
		expect(t, "events", c.names(), "ready 1")
		b.sleep(time.Minute)
		a.commit(numbered(2, 2)...)
		a.sleep(publishPace)
		expect(t, "events a minute later", c.names(), "ready 1 2")
		c.cancel()
	})
}
