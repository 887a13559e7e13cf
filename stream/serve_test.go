package stream

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley/chat"
	"parley/e2e/sse"
)

var errFull = fmt.Errorf("write: %w", os.ErrDeadlineExceeded)

func TestAStreamSaysAtOnceThatItIsOpenAndFromWhere(t *testing.T) {
	inHouse(t, Options{}, func(h *house) {
		c := h.open(Start{Chat: "lobby"})
		if !strings.HasPrefix(c.text(), "retry: ") {
			t.Errorf("does not begin with retry: %q", c.text())
		}
		expect(t, "events", c.names(), "ready")
		expect(t, "held", c.held(), "2")
		expect(t, "type", c.header.Get("Content-Type"), "text/event-stream")
		expect(t, "cache", c.header.Get("Cache-Control"), "no-store, no-transform")
		expect(t, "buffering", c.header.Get("X-Accel-Buffering"), "no")
		expect(t, "vary", c.header.Get("Vary"), "Accept")
		c.cancel()
		<-c.done
		expect(t, "aborted", c.aborted, true)
	})
}

func TestReplayGoesOverIntoLiveWithoutASeam(t *testing.T) {
	inHouse(t, Options{}, func(h *house) {
		h.commit(numbered(1, 3)...)
		for _, s := range []Start{{LastEventID: "3"}, {After: "3"}, {LastEventID: "3", After: "earliest"}} {
			s.Chat = "lobby"
			c := h.open(s)
			expect(t, "replay", c.names(), "2 3 ready")
			more := h.commit(numbered(4, 5)...)
			expect(t, "live", c.names(), "2 3 ready 4 5")
			expect(t, "held", c.held(), strconv.FormatInt(more[1].Pos, 10))
			c.cancel()
			h.log.events = h.log.events[:5]
			h.log.seqs["lobby"] = 5
			h.broker.mu.Lock()
			h.broker.applied = 5
			h.broker.mu.Unlock()
			synctest.Wait()
		}
		c := h.open(Start{Chat: "lobby", After: "earliest"})
		expect(t, "earliest", c.names(), "member.joined member.joined 1 2 3 ready")
		c.cancel()
	})
}

func TestAPlaceThatIsGoneIsSaidAloud(t *testing.T) {
	inHouse(t, Options{}, func(h *house) {
		for cursor, reason := range map[string]string{
			"-1": "malformed", "x": "malformed", "1.5": "malformed", "+1": "malformed", "1_0": "malformed",
			"9999999999999999999": "malformed", "now": "malformed", "3": "ahead", "999999999999999999": "ahead",
		} {
			c := h.open(Start{Chat: "lobby", LastEventID: cursor})
			expect(t, cursor, c.names(), "reset ready")
			expect(t, cursor, c.blocks()[1], sse.Block{Name: "reset", Data: `{"reason":"` + reason + `","cursor":2}`, ID: "2", HasData: true, HasID: true})
			c.cancel()
		}
	})
}

func TestRefusalsWriteNothing(t *testing.T) {
	inHouse(t, Options{}, func(h *house) {
		c := h.open(Start{Chat: "nowhere"})
		<-c.done
		expect(t, "error", c.err, error(chat.ErrNotFound))
		expect(t, "wire", c.text(), "")
		expect(t, "rooms", len(h.broker.memory.rooms), 0)
		expect(t, "users", len(h.broker.users), 0)
	})
}

func TestHintsMayBeLostRepeatedAndReordered(t *testing.T) {
	inHouse(t, Options{}, func(h *house) {
		c := h.open(Start{Chat: "lobby"})
		a := h.log.commit(numbered(1, 2)...)
		b := h.log.commit(numbered(3, 4)...)
		h.log.commit(numbered(5, 5)...)
		h.broker.Committed(b)
		h.sleep(reorderWindow)
		expect(t, "a hole is filled from the log", c.names(), "ready 1 2 3 4 5")
		h.broker.Committed(a)
		h.broker.Committed(b)
		synctest.Wait()
		h.log.commit(numbered(6, 6)...)
		h.sleep(3 * time.Second)
		expect(t, "the poll alone", c.names(), "ready 1 2 3 4 5 6")
		c.cancel()
	})
}

func TestAStreamEndsWhereItsReaderLeft(t *testing.T) {
	inHouse(t, Options{}, func(h *house) {
		c := h.open(Start{Chat: "lobby"})
		bob := h.open(Start{Chat: "lobby", Actor: actor("bob", "s-bob")})
		h.commit(says("lobby", "bob", "in"), leaves("lobby", "ann"), says("lobby", "bob", "out"), joins("lobby", "ann"))
		<-c.done
		expect(t, "events", c.names(), "ready in member.left bye")
		expect(t, "clean end", c.aborted, false)
		expect(t, "bye", c.blocks()[len(c.blocks())-1].Data, `{"reason":"left"}`)
		expect(t, "the others go on", bob.names(), "ready in member.left out member.joined")

		h.commit(deletes("lobby"), says("lobby", "bob", "never"))
		<-bob.done
		expect(t, "deleted", bob.names(), "ready in member.left out member.joined chat.deleted bye")
	})
}

func TestEndingsBelowTheHeadAtOpeningAreOrdinaryEvents(t *testing.T) {
	inHouse(t, Options{}, func(h *house) {
		h.commit(says("lobby", "bob", "1"), leaves("lobby", "ann"), says("lobby", "bob", "2"), joins("lobby", "ann"))
		c := h.open(Start{Chat: "lobby", LastEventID: "2"})
		expect(t, "a chat's own stream shows the whole history", c.names(), "1 member.left 2 member.joined ready")
		all := h.open(Start{LastEventID: "2"})
		expect(t, "over all chats only times of membership", all.names(), "1 chat.left chat.joined ready")
		h.commit(says("lobby", "bob", "3"))
		expect(t, "goes on", c.names(), "1 member.left 2 member.joined ready 3")
		expect(t, "goes on", all.names(), "1 chat.left chat.joined ready 3")
		c.cancel()
		all.cancel()
	})
}

func TestEndingsThatTheTailHasYetToApplyAtOpeningAreOrdinaryEventsToo(t *testing.T) {
	inHouse(t, Options{}, func(h *house) {
		h.log.commit(leaves("lobby", "ann"), joins("lobby", "ann"))
		c := h.open(Start{Chat: "lobby", LastEventID: "2"})
		h.commit(says("lobby", "bob", "1"))
		expect(t, "events", c.names(), "member.left member.joined ready 1")
		c.cancel()
	})
}

func TestASessionsEndAndAUsersEndStreams(t *testing.T) {
	inHouse(t, Options{}, func(h *house) {
		a1, a2 := h.open(Start{Chat: "lobby", Actor: actor("ann", "1")}), h.open(Start{Actor: actor("ann", "2")})
		bob := h.open(Start{Actor: actor("bob", "b")})
		h.commit(says("lobby", "bob", "x"), endsSession("ann", "1"), says("lobby", "bob", "y"))
		<-a1.done
		expect(t, "the session's", a1.names(), "ready x bye")
		expect(t, "another session's", a2.names(), "ready x y")
		h.commit(chat.Event{Kind: chat.KindUserDisabled, Username: "ann"}, says("lobby", "bob", "z"))
		<-a2.done
		expect(t, "the user's", a2.names(), "ready x y bye")
		expect(t, "a stranger's", bob.names(), "ready x y z")
		bob.cancel()
	})
}

func TestAReaderThatCannotReachItsEndIsEndedWhereItStands(t *testing.T) {
	inHouse(t, Options{TotalBytes: 1}, func(h *house) {
		h.commit(numbered(1, 1)...)
		c := h.open(Start{Chat: "lobby"})
		h.log.setBroken(true)
		h.commit(says("lobby", "bob", "2"), leaves("lobby", "ann"))
		if c.ended() {
			t.Fatal("ended before it could know")
		}
		h.sleep(4 * time.Second)
		if c.ended() {
			t.Fatal("ended before the grace")
		}
		h.sleep(time.Second)
		<-c.done
		expect(t, "events", c.names(), "ready bye")
	})
}

func TestNeitherEndsNorTheClockWaitForACrowdAtASlowLog(t *testing.T) {
	inHouse(t, Options{}, func(h *house) {
		h.commit(numbered(1, 3)...)
		h.log.slow = 2 * time.Second
		var crowd []*client
		for range 100 {
			crowd = append(crowd, h.open(Start{Chat: "lobby", After: "earliest"}))
		}
		bob := h.open(Start{Chat: "lobby", After: "earliest", Actor: actor("bob", "s-bob")})
		h.commit(leaves("lobby", "ann"))
		h.sleep(endingGrace)
		for _, c := range crowd {
			if !c.ended() {
				t.Fatal("a right outlives its end")
			}
		}
		bob.cancel()
		<-bob.done

		for range 100 {
			h.open(Start{Chat: "lobby", After: "earliest", Actor: actor("bob", "s-bob")})
		}
		began := time.Now()
		h.broker.Drain()
		expect(t, "the drain takes", time.Since(began), time.Duration(0))
	})
}

func TestReadyWaitsForNoMessageWhenTheTailWasBehind(t *testing.T) {
	inHouse(t, Options{}, func(h *house) {
		h.log.slow = 20 * time.Millisecond
		h.log.commit(joins("den", "bob"), says("den", "bob", "elsewhere"))
		c := h.open(Start{Chat: "lobby", LastEventID: "2"})
		expect(t, "at first", c.names(), "")
		h.sleep(100 * time.Millisecond)
		expect(t, "soon", c.names(), "ready")
		c.cancel()
	})
}

func TestJoinsAndLeavesAreLiveOnAStreamOverAllChats(t *testing.T) {
	inHouse(t, Options{}, func(h *house) {
		c := h.open(Start{})
		h.commit(joins("den", "bob"), says("den", "bob", "unseen"), joins("den", "ann"), says("den", "bob", "a"), says("lobby", "bob", "b"))
		expect(t, "joined", c.names(), "ready chat.joined a b")
		h.commit(says("den", "bob", "c"), leaves("den", "ann"), says("den", "bob", "unseen"), says("lobby", "bob", "d"))
		expect(t, "left", c.names(), "ready chat.joined a b c chat.left d")
		h.commit(joins("den", "ann"), says("den", "bob", "e"), deletes("den"), says("lobby", "bob", "f"))
		expect(t, "back", c.names(), "ready chat.joined a b c chat.left d chat.joined e chat.deleted f")
		expect(t, "held", c.held(), strconv.Itoa(len(h.log.events)))
		c.cancel()
		<-c.done
		synctest.Wait()
		expect(t, "rooms left", len(h.broker.memory.rooms), 0)
	})
}

func TestOwnMessagesOfAnOriginAreLeftOut(t *testing.T) {
	inHouse(t, Options{}, func(h *house) {
		c := h.open(Start{Chat: "lobby", Origin: "tab"})
		from := func(author, origin string) chat.Event {
			e := says("lobby", author, author+"-"+origin)
			e.Origin = origin
			return e
		}
		h.commit(from("ann", "tab"), from("ann", "other"), from("bob", "tab"), from("ann", ""))
		expect(t, "events", c.names(), "ready ann-other bob-tab ann-")
		h.commit(from("ann", "tab"))
		h.sleep(17 * time.Second)
		expect(t, "the place moves on silently, before the ping", c.held(), "7")
		c.cancel()
	})
}

func TestAPingTellsThePlaceThatMovedWithoutAFrame(t *testing.T) {
	inHouse(t, Options{}, func(h *house) {
		c := h.open(Start{Chat: "lobby"})
		h.commit(joins("den", "bob"), says("den", "bob", "elsewhere"))
		expect(t, "nothing to see", c.names(), "ready")
		h.sleep(17 * time.Second)
		bs := c.blocks()
		expect(t, "id alone", bs[len(bs)-2], sse.Block{ID: "4", HasID: true})
		if last := bs[len(bs)-1]; last.Name != "ping" || !strings.Contains(last.Data, `"head":4`) || last.HasID {
			t.Errorf("ping: %+v", last)
		}
		h.sleep(17 * time.Second)
		bs = c.blocks()
		expect(t, "said once", bs[len(bs)-2].Name, "ping")
		c.cancel()
	})
}

func TestATokensEndIsAnnouncedAndThenEndsTheStream(t *testing.T) {
	inHouse(t, Options{Ping: time.Hour}, func(h *house) {
		c := h.open(Start{Chat: "lobby"})
		h.sleep(9*time.Minute - time.Second)
		expect(t, "before", c.names(), "ready")
		h.sleep(2 * time.Second)
		expect(t, "announced", c.names(), "ready auth")
		expect(t, "expires_in", c.blocks()[len(c.blocks())-1].Data, `{"expires_in":60}`)
		h.sleep(time.Minute)
		<-c.done
		expect(t, "ended", c.names(), "ready auth bye")
		expect(t, "clean", c.aborted, false)
	})
}

func TestARefreshRenewsAnOpenStreamInPlace(t *testing.T) {
	inHouse(t, Options{Ping: 2 * time.Hour, Rotate: 3 * time.Hour}, func(h *house) {
		c, before := h.open(Start{Chat: "lobby"}), h.open(Start{Chat: "lobby", Actor: actor("ann", "early")})
		h.log.renew("early", time.Now().Add(15*time.Minute))
		h.sleep(9*time.Minute + time.Second)
		expect(t, "announced", c.names(), "ready auth")
		expect(t, "renewed before: not a word", before.names(), "ready")
		h.log.renew("s-ann", time.Now().Add(10*time.Minute))
		h.sleep(2 * time.Minute)
		expect(t, "lives on", c.names(), "ready auth")
		h.sleep(20 * time.Minute)
		<-c.done
		expect(t, "each life is announced once", c.names(), "ready auth auth bye")
	})
}

func TestAStreamOutlivesItsTokenWhileTheStoreCannotSay(t *testing.T) {
	inHouse(t, Options{Ping: time.Hour}, func(h *house) {
		c := h.open(Start{Chat: "lobby"})
		h.sleep(8 * time.Minute)
		h.log.setBroken(true)
		h.sleep(2*time.Minute + 20*time.Second)
		if c.ended() {
			t.Fatal("ended without knowing")
		}
		h.log.renew("s-ann", time.Now().Add(time.Hour))
		h.log.setBroken(false)
		h.sleep(5 * time.Minute)
		if c.ended() {
			t.Fatal("ended although renewed")
		}
		h.log.setBroken(true)
		h.sleep(time.Hour)
		<-c.done
	})
}

func TestLimitAndTimeoutEndCleanly(t *testing.T) {
	inHouse(t, Options{Ping: time.Hour}, func(h *house) {
		h.commit(numbered(1, 5)...)
		limited := h.open(Start{Chat: "lobby", After: "2", Limit: 3})
		<-limited.done
		expect(t, "limit", limited.names(), "1 2 3 bye")
		expect(t, "held", limited.held(), "5")
		expect(t, "clean", limited.aborted, false)
		timed := h.open(Start{Chat: "lobby", Timeout: 30 * time.Second})
		h.sleep(31 * time.Second)
		<-timed.done
		expect(t, "timeout", timed.names(), "ready bye")
		expect(t, "clean", timed.aborted, false)
	})
}

func TestRotationAndShutdownBreakOffAfterAWholeFrame(t *testing.T) {
	inHouse(t, Options{Rotate: time.Minute}, func(h *house) {
		c := h.open(Start{Chat: "lobby"})
		h.sleep(67 * time.Second)
		<-c.done
		expect(t, "rotated", c.blocks()[len(c.blocks())-1].Data, `{"reason":"rotate"}`)
		expect(t, "broken off", c.aborted, true)

		c = h.open(Start{Chat: "lobby"})
		h.broker.Drain()
		<-c.done
		expect(t, "drained", c.blocks()[len(c.blocks())-1].Data, `{"reason":"shutdown"}`)
		expect(t, "broken off", c.aborted, true)
		c = h.open(Start{Chat: "lobby"})
		<-c.done
		expect(t, "no new ones", c.err, error(chat.ErrUnavailable))
	})
}

// All at once they would come down on whoever serves next.
func TestADrainSpreadsWhenItsClientsComeBack(t *testing.T) {
	inHouse(t, Options{}, func(h *house) {
		var calls []*client
		for range 50 {
			calls = append(calls, h.open(Start{Chat: "lobby"}))
		}
		h.broker.Drain()
		after := make(map[int]bool)
		for _, c := range calls {
			<-c.done
			_, last, _ := strings.Cut(c.text(), "event: ready")
			_, last, _ = strings.Cut(last, "retry: ")
			ms, err := strconv.Atoi(strings.SplitN(last, "\n", 2)[0])
			if err != nil || ms < 500 || ms >= 5000 {
				t.Fatalf("asked to come back after %q", last)
			}
			after[ms/500] = true
		}
		if len(after) < 5 {
			t.Errorf("50 clients come back in %d of the 9 half seconds", len(after))
		}
	})
}

func TestAFullSocketIsCutWithoutBye(t *testing.T) {
	inHouse(t, Options{Ping: time.Hour}, func(h *house) {
		c, other := h.open(Start{Chat: "lobby"}), h.open(Start{Chat: "lobby"})
		c.fill(true)
		h.commit(numbered(1, 1)...)
		<-c.done
		expect(t, "cut", c.aborted, true)
		expect(t, "nothing more", c.names(), "ready")
		expect(t, "the other", other.names(), "ready 1")
		other.cancel()
	})
}

func TestStreamsStayOpenAndCatchUpWhenTheStoreComesBack(t *testing.T) {
	inHouse(t, Options{}, func(h *house) {
		c := h.open(Start{Chat: "lobby"})
		h.log.setBroken(true)
		h.log.commit(numbered(1, 3)...)
		h.sleep(20 * time.Second)
		expect(t, "meanwhile", c.names(), "ready ping")
		h.log.setBroken(false)
		h.sleep(3 * time.Second)
		expect(t, "afterwards", c.names(), "ready ping 1 2 3")
		c.cancel()
	})
}

func TestMemoryIsBoundedAndWhatWentIsReadFromTheLog(t *testing.T) {
	inHouse(t, Options{RoomBytes: 2000, TotalBytes: 3000}, func(h *house) {
		c := h.open(Start{Chat: "lobby"})
		h.commit(numbered(1, 1000)...)
		want := []string{"ready"}
		for i := 1; i <= 1000; i++ {
			want = append(want, strconv.Itoa(i))
		}
		h.sleep(time.Second)
		expect(t, "events", c.names(), strings.Join(want, " "))
		h.broker.mu.Lock()
		if h.broker.memory.bytes() > 3000 {
			t.Errorf("%d bytes are kept", h.broker.memory.bytes())
		}
		h.broker.mu.Unlock()
		c.cancel()
		<-c.done
		synctest.Wait()
		expect(t, "bytes left", h.broker.memory.bytes(), 0)
	})
}

// Random readers over random histories: whatever they are and wherever they
// break off and resume, each is given exactly what the contract says, once, in
// order.
func TestEveryReaderIsGivenExactlyItsPartOfTheLog(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 7))
			o := Options{RoomBytes: 400 + rnd.IntN(4000), Ping: time.Minute, TotalBytes: 1 + rnd.IntN(8000)}
			inHouse(t, o, func(h *house) { wander(h, rnd) })
		})
	}
}

// wanderer is a reader over all chats that keeps what it was given.
type wanderer struct {
	user   string
	client *client
	// opened is the head when the present stream opened, from where it began.
	opened, from int64
}

func wander(h *house, rnd *rand.Rand) {
	chats, users := []string{"lobby", "den", "attic"}, []string{"ann", "bob", "eve"}
	member := map[string]bool{"lobby/ann": true, "lobby/bob": true}
	var wanderers []*wanderer
	for _, u := range users {
		wanderers = append(wanderers, &wanderer{user: u})
	}
	for range 120 {
		var batch []chat.Event
		for range 1 + rnd.IntN(4) {
			c, u := chats[rnd.IntN(len(chats))], users[rnd.IntN(len(users))]
			switch key := c + "/" + u; {
			case rnd.IntN(3) > 0:
				batch = append(batch, says(c, u, "t"))
			case member[key]:
				batch = append(batch, leaves(c, u))
				member[key] = false
			default:
				batch = append(batch, joins(c, u))
				member[key] = true
			}
		}
		committed := h.log.commit(batch...)
		if rnd.IntN(5) > 0 {
			h.broker.Committed(committed)
		}
		w := wanderers[rnd.IntN(len(wanderers))]
		switch {
		case w.client == nil:
			head := int64(len(h.log.events))
			w.opened = head
			w.from = rnd.Int64N(head + 1)
			w.client = h.open(Start{Actor: actor(w.user, "s-"+w.user), LastEventID: strconv.FormatInt(w.from, 10)})
		case rnd.IntN(4) == 0:
			h.sleep(3 * time.Second)
			w.check(h)
			w.client.cancel()
			<-w.client.done
			w.client = nil
		case rnd.IntN(2) == 0:
			synctest.Wait()
		}
	}
	h.sleep(3 * time.Second)
	for _, w := range wanderers {
		if w.client != nil {
			w.check(h)
			w.client.cancel()
		}
	}
}

func (w *wanderer) check(h *house) {
	h.t.Helper()
	var got, want []string
	for _, b := range w.client.blocks() {
		if b.HasData && b.HasID {
			got = append(got, b.Name+b.ID)
		}
	}
	h.log.mu.Lock()
	events := expected(h.log.events, h.log.intervals(w.user), w.opened, w.from, int64(len(h.log.events)))
	h.log.mu.Unlock()
	for _, e := range events {
		name := string(e.Kind)
		switch {
		case e.Kind == chat.KindMessage:
			name = ""
		case e.Kind == chat.KindMemberJoined && e.Username == w.user:
			name = chat.NameChatJoined
		case e.Kind == chat.KindMemberLeft && e.Username == w.user:
			name = chat.NameChatLeft
		}
		want = append(want, name+strconv.FormatInt(e.Pos, 10))
	}
	expect(h.t, fmt.Sprintf("%s from %d, opened at %d", w.user, w.from, w.opened), strings.Join(got, " "), strings.Join(want, " "))
}
