package stream

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/chat"
)

// presences are what a client was told of who comes and goes.
func (c *client) presences() string {
	var told []string
	for _, b := range c.blocks() {
		if b.Name == "presence" {
			data := strings.NewReplacer(`{"chat":"`, "", `","username":"`, "/", `","present":true}`, "+", `","present":false}`, "-").Replace(b.Data)
			told = append(told, data)
		}
	}
	slices.Sort(told)
	return strings.Join(told, " ")
}

func (h *house) wantPresent(chatID, want string) {
	h.t.Helper()
	present := h.broker.Present(chatID)
	slices.Sort(present)
	expect(h.t, "present in "+chatID, strings.Join(present, " "), want)
}

func bobs() chat.Actor { return actor("bob", "s-bob") }

func TestUsersArePresentWhileAStreamIsOpen(t *testing.T) {
	inHouse(t, Options{Ping: time.Hour}, func(h *house) {
		h.commit(joins("den", "ann"), joins("den", "bob"))
		c := h.open(Start{})
		h.wantPresent("lobby", "ann")
		one := h.open(Start{Chat: "lobby", Actor: bobs()})
		h.wantPresent("lobby", "ann bob")
		h.wantPresent("den", "ann")
		h.sleep(5 * time.Second)
		expect(t, "told", c.presences(), "lobby/bob+")

		all := h.open(Start{Actor: bobs()})
		again := h.open(Start{Actor: bobs()})
		h.wantPresent("den", "ann bob")
		h.sleep(5 * time.Second)
		expect(t, "told of the other chat alone", c.presences(), "den/bob+ lobby/bob+")

		again.cancel()
		all.cancel()
		<-all.done
		<-again.done
		h.wantPresent("den", "ann bob")
		h.sleep(presenceKept + 3*time.Second)
		h.wantPresent("den", "ann")
		h.wantPresent("lobby", "ann bob")
		expect(t, "told", c.presences(), "den/bob+ den/bob- lobby/bob+")

		one.cancel()
		<-one.done
		h.sleep(presenceKept + 3*time.Second)
		h.wantPresent("lobby", "ann")
		expect(t, "told", c.presences(), "den/bob+ den/bob- lobby/bob+ lobby/bob-")
		h.broker.mu.Lock()
		defer h.broker.mu.Unlock()
		expect(t, "kept", len(h.broker.came)+len(h.broker.gone), 0)
		expect(t, "whereabouts", len(h.broker.here), 1) // ann's
		go c.cancel()
	})
}

func TestAReconnectIsNoComingAndNoGoing(t *testing.T) {
	inHouse(t, Options{Ping: time.Hour}, func(h *house) {
		c := h.open(Start{Chat: "lobby"})
		for range 3 {
			bob := h.open(Start{Actor: bobs()})
			h.sleep(10 * time.Second)
			bob.cancel()
			<-bob.done
			h.wantPresent("lobby", "ann bob")
			h.sleep(5 * time.Second)
		}
		expect(t, "told", c.presences(), "lobby/bob+")
		c.cancel()
	})
}

func TestTwoStreamsThatOpenTogetherAreOneComing(t *testing.T) {
	inHouse(t, Options{Ping: time.Hour}, func(h *house) {
		c := h.open(Start{Chat: "lobby"})
		h.sleep(3 * time.Second)
		one, all := h.open(Start{Chat: "lobby", Actor: bobs()}), h.open(Start{Actor: bobs()})
		h.sleep(5 * time.Second)
		expect(t, "told", c.presences(), "lobby/bob+")
		for _, c := range []*client{one, all, c} {
			c.cancel()
		}
	})
}

func TestWhoGoesBeforeBeingToldOfWasNeverThere(t *testing.T) {
	inHouse(t, Options{Ping: time.Hour}, func(h *house) {
		c := h.open(Start{Chat: "lobby"})
		h.sleep(3 * time.Second)
		bob := h.open(Start{Actor: bobs()})
		bob.cancel()
		<-bob.done
		h.wantPresent("lobby", "ann")
		h.sleep(20 * time.Second)
		expect(t, "told", c.presences(), "")
		c.cancel()
	})
}

func TestALargeCompanyIsToldOfNobody(t *testing.T) {
	t.Parallel()
	inBubble(t, true, Options{Ping: time.Hour}, func(h *house) {
		c := h.open(Start{Chat: "lobby"})
		var crowd []*client
		for i := range maxPresent {
			name := fmt.Sprint("user-", i)
			h.commit(joins("lobby", name))
			crowd = append(crowd, h.open(Start{Chat: "lobby", Actor: actor(name, "s-"+name)}))
		}
		h.sleep(time.Minute)
		before := c.shown("presence")
		bob := h.open(Start{Chat: "lobby", Actor: bobs()})
		h.sleep(5 * time.Second)
		expect(t, "told of more", c.shown("presence")-before, 0)
		expect(t, "the list answers", len(h.broker.Present("lobby")), maxPresent+2)
		for _, c := range append(crowd, bob, c) {
			c.cancel()
		}
	})
}

func TestACrowdIsNotToldOfComingsThatWait(t *testing.T) {
	t.Parallel()
	t.Run("one instance", func(t *testing.T) {
		inBubble(t, true, Options{Ping: time.Hour}, func(h *house) { becomesACrowd(h, h) })
	})
	t.Run("two instances", func(t *testing.T) { pair(t, 1<<20, becomesACrowd) })
}

// becomesACrowd has a crowd come to one instance, some first, and a reader of another told of
// none of them once it is one.
func becomesACrowd(h, there *house) {
	c := there.open(Start{Chat: "lobby"})
	var crowd []*client
	come := func(n int) {
		for range n {
			name := fmt.Sprint("user-", len(crowd))
			h.commit(joins("lobby", name))
			crowd = append(crowd, h.open(Start{Chat: "lobby", Actor: actor(name, "s-"+name)}))
		}
		h.sleep(3 * time.Second)
	}
	come(maxPresent / 2)
	expect(h.t, "told of some", c.shown("presence") > 0, true)
	come(maxPresent)
	crowded := c.shown("presence")
	h.sleep(time.Minute)
	expect(h.t, "told in the crowd", c.shown("presence")-crowded, 0)
	for _, c := range append(crowd, c) {
		c.cancel()
	}
}

func TestPresenceElsewhereIsNoComingAndNoGoing(t *testing.T) {
	amongOthers(t, 8, func(h *house, l *memLease) {
		h.commit(joins("den", "ann"), joins("den", "bob"))
		c := h.open(Start{})
		l.set(func() { l.presentElsewhere = []chat.Whereabouts{{Username: "bob", Chat: "lobby"}} })
		bob := h.open(Start{Actor: bobs()})
		h.sleep(5 * time.Second)
		expect(t, "told", c.presences(), "den/bob+")
		expect(t, "the others are told", l.present[chat.Whereabouts{Username: "bob"}], true)
		bob.cancel()
		<-bob.done
		l.set(func() { l.presentElsewhere = []chat.Whereabouts{{Username: "bob"}} })
		h.sleep(presenceKept + 5*time.Second)
		expect(t, "told", c.presences(), "den/bob+")
		expect(t, "the others are told", l.present[chat.Whereabouts{Username: "bob"}], false)

		l.set(func() { l.presentElsewhere, l.countElsewhere = nil, map[string]int{"lobby": maxPresent} })
		bob = h.open(Start{Actor: bobs()})
		h.sleep(5 * time.Second)
		expect(t, "a company that is large elsewhere", c.presences(), "den/bob+ den/bob+")
		bob.cancel()
		c.cancel()
	})
}

func TestPresenceThatCouldNotBeToldIsToldLater(t *testing.T) {
	amongOthers(t, 8, func(h *house, l *memLease) {
		c := h.open(Start{})
		h.sleep(5 * time.Second)
		l.set(func() { l.broken = true })
		bob := h.open(Start{Actor: bobs()})
		h.sleep(5 * time.Second)
		expect(t, "told", c.presences(), "")
		l.set(func() { l.broken = false })
		h.sleep(leaseRenewal + rounds)
		expect(t, "told", c.presences(), "lobby/bob+")
		// A fresh lease is told of all, and the readers are not.
		l.set(func() { l.held = false })
		h.sleep(leaseRenewal + rounds)
		expect(t, "told anew", len(l.present), 2)
		expect(t, "told", c.presences(), "lobby/bob+")
		l.set(func() { l.broken = true })
		bob.cancel()
		<-bob.done
		h.sleep(presenceKept + 5*time.Second)
		l.set(func() { l.broken = false })
		h.sleep(leaseRenewal + rounds)
		expect(t, "told", c.presences(), "lobby/bob+ lobby/bob-")
		c.cancel()
	})
}

func TestUsersOfAnInstanceThatIsGoneAreToldOf(t *testing.T) {
	amongOthers(t, 8, func(h *house, l *memLease) {
		h.commit(joins("lobby", "cid"), joins("lobby", "dan"))
		c, bob := h.open(Start{}), h.open(Start{Actor: bobs()})
		h.sleep(5 * time.Second)
		left := func(name string) chat.Whereabouts { return chat.Whereabouts{Username: name} }
		l.set(func() {
			l.presentElsewhere = []chat.Whereabouts{left("dan")}
			l.forsaken = map[chat.Whereabouts][]string{left("bob"): {"lobby"}, left("cid"): {"lobby"}, left("dan"): {"lobby"}}
		})
		h.sleep(leaseRenewal + rounds)
		expect(t, "told", c.presences(), "lobby/bob+ lobby/cid-")
		bob.cancel()
		c.cancel()
	})
}

// halfLease is a lease by which it can be told who is here, and not be read who is elsewhere.
type halfLease struct {
	memLease
	readsBroken bool
}

func (l *halfLease) PresentElsewhere(ctx context.Context, users []string) ([]chat.Whereabouts, error) {
	var broken bool
	l.set(func() { broken = l.readsBroken })
	if broken {
		return nil, chat.ErrUnavailable
	}
	return l.memLease.PresentElsewhere(ctx, users)
}

func TestPresenceThatWasStoredByHalfARoundIsTakenAway(t *testing.T) {
	l := &halfLease{}
	inBubble(t, true, Options{Ping: time.Hour, Lease: l}, func(h *house) {
		h.sleep(rounds)
		l.set(func() { l.readsBroken = true })
		c := h.open(Start{Chat: "lobby"})
		h.sleep(rounds)
		c.cancel()
		<-c.done
		h.sleep(rounds)
		l.set(func() { l.readsBroken = false })
		h.sleep(time.Minute)
		l.set(func() { expect(t, "stored", len(l.present), 0) })
		h.broker.mu.Lock()
		defer h.broker.mu.Unlock()
		expect(t, "doubts", len(h.broker.stored), 0)
	})
}

func TestGoingsOfAnInstanceThatIsGoneAreToldLater(t *testing.T) {
	l := &halfLease{}
	inBubble(t, true, Options{Ping: time.Hour, Lease: l}, func(h *house) {
		c := h.open(Start{Chat: "lobby"})
		h.sleep(rounds)
		l.set(func() {
			l.readsBroken = true
			l.forsaken = map[chat.Whereabouts][]string{{Username: "bob"}: {"lobby"}}
		})
		h.sleep(2 * leaseRenewal)
		l.set(func() { l.readsBroken = false })
		h.sleep(time.Minute)
		expect(t, "told", c.presences(), "lobby/bob-")
		c.cancel()
	})
}

func TestADrainKeepsNoDepartures(t *testing.T) {
	inHouse(t, Options{Ping: time.Hour}, func(h *house) {
		c := h.open(Start{})
		h.sleep(5 * time.Second)
		h.broker.Drain()
		<-c.done
		h.broker.mu.Lock()
		defer h.broker.mu.Unlock()
		expect(t, "kept", len(h.broker.gone)+len(h.broker.departed)+len(h.broker.lingering), 0)
	})
}
