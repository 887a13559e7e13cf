package stream

import (
	"container/list"
	"slices"
)

// readsOfUser is how many parts of the log are read at once for one user while others wait.
const readsOfUser = 2

// readQueue holds the parts of the log that wait to be read, by the user on whose turn each
// is. Users take turns, one part each, and the parts of one user keep their order; a user that
// comes anew goes behind those that wait. A user with [readsOfUser] parts under way is passed
// over while one with fewer waits. So however many parts a user needs, another one's next part
// waits for a round of the users and not for all of those.
//
// The mutex of its owner guards it.
type readQueue struct {
	users map[string]*userReads
	// round are the users for whom parts wait, the next one first.
	round *list.List
}

// userReads are the parts of one user: those that wait, in order, and how many are being read.
type userReads struct {
	user     string
	waiting  []*logRead
	underWay int
	// place is the user's in the round; nil while no part waits.
	place *list.Element
}

func newReadQueue() *readQueue {
	return &readQueue{users: make(map[string]*userReads), round: list.New()}
}

// add has a part wait for a turn of the user.
func (q *readQueue) add(user string, r *logRead) {
	u := q.users[user]
	if u == nil {
		u = &userReads{user: user}
		q.users[user] = u
	}
	r.user = user
	u.waiting = append(u.waiting, r)
	if u.place == nil {
		u.place = q.round.PushBack(u)
	}
}

// take removes the part that is read next; nil if none waits. The caller calls done behind the
// read.
func (q *readQueue) take() *logRead {
	next := q.round.Front()
	if next == nil {
		return nil
	}
	// This passes over few: those with their share are no more than fit into all reads at once.
	for e := next; e != nil; e = e.Next() {
		if e.Value.(*userReads).underWay < readsOfUser {
			next = e
			break
		}
	}
	u := next.Value.(*userReads)
	r := u.waiting[0]
	u.underWay++
	q.round.MoveToBack(next)
	q.remove(u, 0)
	return r
}

// done ends the read of a part that was taken.
func (q *readQueue) done(r *logRead) {
	u := q.users[r.user]
	u.underWay--
	q.forget(u)
}

// ahead is how many turns of the user come before that of a part that is added now, the one
// that a user with its share waits for included.
func (q *readQueue) ahead(user string) int {
	u := q.users[user]
	if u == nil {
		return 0
	}
	return u.ahead(len(u.waiting))
}

// ahead is how many turns come before that of the i-th part that waits.
func (u *userReads) ahead(i int) int {
	if u.underWay >= readsOfUser {
		i++
	}
	return i
}

// hasten moves a part that waits to another user, if it has fewer turns before it there.
// That number only falls, so a part is not moved for ever.
func (q *readQueue) hasten(r *logRead, user string) {
	if r.user == user {
		return
	}
	u := q.users[r.user]
	if i := slices.Index(u.waiting, r); i >= 0 && q.ahead(user) < u.ahead(i) {
		q.remove(u, i)
		q.forget(u)
		q.add(user, r)
	}
}

// remove removes the i-th part of those of a user that wait.
func (q *readQueue) remove(u *userReads, i int) {
	if i == 0 {
		u.waiting[0] = nil
		u.waiting = u.waiting[1:]
	} else {
		u.waiting = slices.Delete(u.waiting, i, i+1)
	}
	if len(u.waiting) == 0 {
		u.waiting = nil
		q.round.Remove(u.place)
		u.place = nil
	}
}

// forget drops a user without parts.
func (q *readQueue) forget(u *userReads) {
	if len(u.waiting) == 0 && u.underWay == 0 {
		delete(q.users, u.user)
	}
}
