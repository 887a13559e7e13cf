package stream

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"parley/chat"
)

func types(chatID, username string) Signal {
	return Signal{Kind: chat.SignalTyping, Chat: chatID, Username: username}
}

// signal gives a signal that was allowed where the log stands.
func (h *house) signal(s Signal) {
	s.At = h.log.head()
	h.broker.Signal(s)
	h.sleep(0)
}

// shown counts the frames with a name.
func (c *client) shown(name string) (n int) {
	for _, b := range c.blocks() {
		if b.Name == name {
			n++
		}
	}
	return n
}

func TestSignalsAreShownLiveAndHaveNoID(t *testing.T) {
	inHouse(t, Options{}, func(h *house) {
		own, all := h.open(Start{Chat: "lobby"}), h.open(Start{})
		lines := h.open(Start{Chat: "lobby", Framing: NDJSON})
		text := h.open(Start{Chat: "lobby", Framing: Text})
		before := text.text()
		h.signal(types("lobby", "bob"))
		h.signal(Signal{Kind: chat.SignalPresence, Chat: "lobby", Username: "bob", Present: true})
		h.signal(Signal{Kind: chat.SignalRead, Chat: "lobby", Username: "bob", ID: 7})
		h.signal(Signal{Kind: "of a newer release", Chat: "lobby", Username: "bob"})
		h.signal(types("elsewhere", "bob"))
		h.sleep(10 * time.Second)
		for _, c := range []*client{own, all} {
			expect(t, "events", c.names(), "ready typing read")
			blocks := c.blocks()
			for i, want := range []string{
				`{"chat":"lobby","username":"bob"}`, `{"chat":"lobby","username":"bob","present":true}`, `{"chat":"lobby","username":"bob","id":7}`,
			} {
				b := blocks[len(blocks)-3+i]
				expect(t, "data", b.Data, want)
				expect(t, "id", b.HasID, false)
			}
		}
		if want := `{"event":"typing","data":{"chat":"lobby","username":"bob"}}` + "\n"; !strings.Contains(lines.text(), want) {
			t.Errorf("no line %s in %q", want, lines.text())
		}
		expect(t, "text", text.text(), before)
		late := h.open(Start{Chat: "lobby", After: "earliest"})
		h.sleep(5 * time.Second)
		expect(t, "replayed", late.names(), "member.joined member.joined ready")
		for _, c := range []*client{own, all, lines, text, late} {
			c.cancel()
		}
	})
}

func TestUsersAreNotToldOfTheirOwnTyping(t *testing.T) {
	inHouse(t, Options{}, func(h *house) {
		c := h.open(Start{})
		h.signal(types("lobby", "ann"))
		h.signal(Signal{Kind: chat.SignalPresence, Chat: "lobby", Username: "ann"})
		h.sleep(2 * time.Second)
		expect(t, "events", c.names(), "ready")
		h.signal(Signal{Kind: chat.SignalRead, Chat: "lobby", Username: "ann", ID: 1})
		h.sleep(2 * time.Second)
		expect(t, "one's other devices", c.names(), "ready read")
		c.cancel()
	})
}

func TestAReaderIsGivenOneFrameOfAKindASecond(t *testing.T) {
	inHouse(t, Options{Ping: time.Hour}, func(h *house) {
		h.commit(joins("den", "ann"), joins("attic", "ann"))
		readers := map[string]*client{"over all chats": h.open(Start{}), "in one chat": h.open(Start{Chat: "lobby"})}
		kinds := []chat.SignalKind{chat.SignalTyping, chat.SignalPresence, chat.SignalRead}
		before := map[string]int{}
		for second := range 10 {
			for i := range 1000 {
				h.broker.Signal(Signal{
					Kind: kinds[i%3], Chat: []string{"lobby", "den", "attic"}[i/3%3], Username: fmt.Sprint("user-", i), ID: int64(i), At: h.log.head(),
				})
				time.Sleep(time.Millisecond)
			}
			h.sleep(0)
			for name, c := range readers {
				for _, kind := range kinds {
					key := name + string(kind)
					n := c.shown(string(kind))
					// One may be given at the beginning of the second and one at its end.
					if given := n - before[key]; given > 2 || n > second+2 {
						t.Fatalf("%s: %d frames of %s in second %d, %d altogether", name, given, kind, second, n)
					}
					before[key] = n
				}
			}
		}
		for name, c := range readers {
			for _, kind := range kinds {
				if n := c.shown(string(kind)); n < 9 {
					t.Errorf("%s: %d frames of %s in ten seconds", name, n, kind)
				}
			}
			c.cancel()
		}
	})
}

func TestTheLatestPresenceOfAUserCounts(t *testing.T) {
	inHouse(t, Options{Ping: time.Hour}, func(h *house) {
		c := h.open(Start{Chat: "lobby"})
		come := func(name string, present bool) {
			h.signal(Signal{Kind: chat.SignalPresence, Chat: "lobby", Username: name, Present: present})
		}
		come("bob", true)
		for range 10 {
			come("cid", false)
			come("dan", true)
			come("cid", true)
			come("dan", false)
		}
		h.sleep(5 * time.Second)
		var told []string
		for _, b := range c.blocks() {
			if b.Name == "presence" {
				told = append(told, b.Data)
			}
		}
		expect(t, "told", strings.Join(told, " "), `{"chat":"lobby","username":"bob","present":true}`+
			` {"chat":"lobby","username":"cid","present":true} {"chat":"lobby","username":"dan","present":false}`)
		c.cancel()
	})
}

func TestSignalsOfAChatEndWhereItsReaderLeft(t *testing.T) {
	inHouse(t, Options{Ping: time.Hour}, func(h *house) {
		all, bob := h.open(Start{}), h.open(Start{Actor: actor("bob", "s-bob")})
		// Another instance has committed the leave and sends a signal, and this one has not
		// heard of the leave.
		left := h.log.commit(leaves("lobby", "ann"))
		h.broker.Signal(Signal{Kind: chat.SignalTyping, Chat: "lobby", Username: "cid", At: left[0].Pos})
		h.sleep(0)
		expect(t, "before the tail is there", all.names()+" "+bob.names(), "ready ready")
		h.broker.Committed(left)
		h.sleep(3 * time.Second)
		expect(t, "who left", all.names(), "ready chat.left")
		expect(t, "who stayed", bob.names(), "ready member.left typing")
		h.signal(types("lobby", "cid"))
		h.sleep(3 * time.Second)
		expect(t, "who left", all.names(), "ready chat.left")
		expect(t, "who stayed", bob.names(), "ready member.left typing typing")
		all.cancel()
		bob.cancel()
	})
}

func TestWhatWaitsOfAChatIsForgottenWithTheLeave(t *testing.T) {
	inHouse(t, Options{Ping: time.Hour}, func(h *house) {
		h.commit(joins("den", "ann"))
		c := h.open(Start{})
		for i := range 4 {
			h.signal(types("lobby", fmt.Sprint("user-", i)))
			h.signal(types("den", fmt.Sprint("user-", i))) // waits at the reader
		}
		h.commit(leaves("den", "ann"))
		h.sleep(10 * time.Second)
		_, behind, _ := strings.Cut(c.text(), "chat.left")
		if strings.Contains(behind, `"den","username"`) || !strings.Contains(behind, `"lobby","username"`) {
			t.Errorf("behind the leave: %q", behind)
		}
		c.cancel()
	})
}

func TestAScriptTokenHearsOfItsChatsAlone(t *testing.T) {
	inHouse(t, Options{}, func(h *house) {
		h.commit(joins("den", "ann"))
		script := ann()
		script.Kind, script.Chats = chat.ScriptToken, chat.NewChatSet([]string{"den"})
		c := h.open(Start{Actor: script})
		h.signal(types("lobby", "bob"))
		h.signal(types("den", "bob"))
		h.sleep(3 * time.Second)
		expect(t, "typing", c.shown("typing"), 1)
		c.cancel()
	})
}

// Only a stream that an event loop drives can tell that its socket is full.
func TestAFullSocketIsGivenNoSignalsAndIsNotEndedForThem(t *testing.T) {
	inBubble(t, true, Options{Ping: time.Hour, Rotate: 10 * time.Hour}, func(h *house) {
		long := actor("ann", "s-ann")
		long.Expires = chat.NewTime(time.Now().Add(5 * time.Hour))
		c := h.open(Start{Chat: "lobby", Actor: long})
		c.fill(true)
		for i := range 60 {
			h.signal(types("lobby", fmt.Sprint("user-", i)))
			h.sleep(time.Second)
		}
		expect(t, "ended", c.ended(), false)
		expect(t, "events", c.names(), "ready")
		c.fill(false)
		h.sleep(10 * time.Second)
		expect(t, "kept", c.shown("typing") <= 4, true)
		h.commit(numbered(1, 1)...)
		h.signal(types("lobby", "bob"))
		h.sleep(2 * time.Second)
		if names := c.names(); !strings.HasSuffix(names, "1 typing") {
			t.Errorf("events: %q", names)
		}
		c.cancel()
	})
}

func TestQuietRoomsAndReadersHoldNothingForSignals(t *testing.T) {
	inHouse(t, Options{Ping: 10 * time.Second}, func(h *house) {
		c := h.open(Start{})
		for i := range 10 {
			h.signal(types("lobby", fmt.Sprint("user-", i)))
		}
		h.sleep(30 * time.Second)
		b := h.broker
		b.mu.Lock()
		defer b.mu.Unlock()
		expect(t, "rooms in rounds", len(b.rounds.rooms), 0)
		expect(t, "room", b.memory.rooms[roomKey{chat: "lobby"}].signals == nil, true)
		for rd := range b.users["ann"] {
			expect(t, "reader", rd.signals == nil, true)
		}
		go c.cancel()
	})
}

func TestASignalReachesTheReadersOfAnotherInstance(t *testing.T) {
	t.Parallel()
	pair(t, 1<<20, func(a, b *house) {
		c := b.open(Start{Chat: "lobby"})
		a.signal(types("lobby", "bob"))
		a.sleep(100 * time.Millisecond)
		expect(t, "events", c.names(), "ready typing")
		// Most of a crowd is dropped on the way, and a renewal is not.
		for i := range 1000 {
			a.broker.Signal(types("lobby", fmt.Sprint("user-", i)))
		}
		b.log.renew("s-ann", time.Now().Add(time.Hour))
		a.broker.Renewed("ann", "s-ann")
		a.sleep(10 * time.Second)
		if n := c.shown("typing"); n < 3 || n > 11 {
			t.Errorf("%d frames", n)
		}
		c.cancel()
	})
}
