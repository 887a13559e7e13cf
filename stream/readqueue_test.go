package stream

import (
	"fmt"
	"strings"
	"testing"
)

// queued is a read queue in which parts have names.
type queued struct {
	*readQueue
	parts map[string]*logRead
	names map[*logRead]string
}

func newQueued() *queued {
	return &queued{newReadQueue(), make(map[string]*logRead), make(map[*logRead]string)}
}

// ask has parts 1 to n of a user wait.
func (q *queued) ask(user string, n int) {
	for i := range n {
		r, name := &logRead{}, fmt.Sprint(user, i+1)
		q.parts[name], q.names[r] = r, name
		q.add(user, r)
	}
}

// begin takes n parts, and returns their names.
func (q *queued) begin(n int) string {
	var taken []string
	for range n {
		if r := q.take(); r != nil {
			taken = append(taken, q.names[r])
		}
	}
	return strings.Join(taken, " ")
}

// end ends the reads of parts.
func (q *queued) end(parts string) {
	for name := range strings.FieldsSeq(parts) {
		q.done(q.parts[name])
	}
}

// rest reads all that waits, one part after another, and returns its names.
func (q *queued) rest() string {
	var read []string
	for len(q.users) > 0 && q.round.Len() > 0 {
		name := q.begin(1)
		q.end(name)
		read = append(read, name)
	}
	return strings.Join(read, " ")
}

func TestUsersTakeTurnsAtTheReads(t *testing.T) {
	q := newQueued()
	q.ask("ann", 4)
	q.ask("bob", 2)
	first := q.begin(1)
	q.end(first)
	q.ask("eve", 1)
	expect(t, "order", first+" "+q.rest(), "ann1 bob1 ann2 eve1 bob2 ann3 ann4")
	expect(t, "users that are remembered", len(q.users), 0)
}

func TestAUserHasAllReadsWhileNobodyElseWaitsAndItsShareOtherwise(t *testing.T) {
	q := newQueued()
	q.ask("ann", 100)
	running := strings.Fields(q.begin(maxReads))
	expect(t, "alone", strings.Join(running, " "), "ann1 ann2 ann3 ann4 ann5 ann6 ann7 ann8")
	const strangers = 20
	for i := range strangers {
		q.ask(fmt.Sprintf("u%02d-", i), 1)
	}
	// The oldest read ends, and the next one begins.
	for range strangers + readsOfUser {
		q.end(running[0])
		running = append(running[1:], q.begin(1))
		if begun := running[maxReads-1]; begun[0] == 'a' && q.users["ann"].underWay > readsOfUser {
			t.Errorf("%s is begun beside ann's in %v", begun, running)
		}
	}
	expect(t, "begun at last", strings.Join(running, " "), "u13-1 u14-1 u15-1 u16-1 u17-1 u18-1 u19-1 ann10")
	q.end(strings.Join(running, " "))
	expect(t, "alone again", q.begin(maxReads), "ann11 ann12 ann13 ann14 ann15 ann16 ann17 ann18")
}

// Nothing is left undone for a share: where all that wait have theirs, they go on in turns.
func TestNoReadIsIdleWhileAPartWaits(t *testing.T) {
	q := newQueued()
	q.ask("ann", 9)
	q.ask("bob", 9)
	expect(t, "order", q.begin(maxReads), "ann1 bob1 ann2 bob2 ann3 bob3 ann4 bob4")
}

func TestAPartMovesToAUserWhoseTurnIsNearer(t *testing.T) {
	q := newQueued()
	q.ask("ann", 5)
	q.ask("bob", 1)
	shared := q.parts["ann5"]
	q.hasten(shared, "ann")
	q.hasten(shared, "bob")
	expect(t, "whose it is", shared.user, "bob")
	q.hasten(shared, "eve")
	expect(t, "whose it is then", shared.user, "eve")
	q.hasten(shared, "bob")
	q.hasten(q.parts["ann1"], "dan") // comes first anyway
	expect(t, "order", q.rest(), "ann1 bob1 ann5 ann2 ann3 ann4")
	q.ask("ann", 1)
	alone := q.begin(1)
	q.hasten(q.parts[alone], "bob")
	expect(t, "whose one is that is being read", q.parts[alone].user, "ann")
	q.end(alone)
	expect(t, "users that are remembered", len(q.users), 0)
}

func TestAPartOfAUserWithItsShareMovesToOneWithout(t *testing.T) {
	q := newQueued()
	q.ask("ann", readsOfUser+1)
	q.ask("bob", 1)
	expect(t, "begun", q.begin(3), "ann1 bob1 ann2")
	q.hasten(q.parts["ann3"], "bob")
	expect(t, "whose it is", q.parts["ann3"].user, "bob")
	q.end("ann1 ann2 bob1")
	expect(t, "order", q.rest(), "ann3")
	expect(t, "users that are remembered", len(q.users), 0)
}
