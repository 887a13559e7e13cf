package commitlog

import (
	"fmt"
	"time"
)

// LeadWithin is how long the first step of a leading caller may take. A second step
// costs one silence of the connection at the most, so the caller still has its answer
// within AnswerWithin. On SQLite a step is this process's own work: while the disk
// stands still so does the one caller that leads, and all others are refused in time.
const LeadWithin = 400 * time.Millisecond

// tryToLead writes the next batch in the caller's goroutine if nothing is being
// written, and otherwise leaves it to the log's goroutine.
func (l *Lane[C, R]) tryToLead() {
	select {
	case <-l.log.lead:
	default:
		l.log.rouse()
		return
	}
	defer endByPanic()
	if done := l.writeAsLeader(); !done {
		l.log.rouse()
	}
	l.log.lead <- struct{}{}
}

// endByPanic is deferred. It makes a panic end the process as in the log's own goroutine, also
// where the caller's goroutine would recover from it: what the lanes remember may then lack
// what ends a right. The error's text has the stack of where it happened.
func endByPanic() {
	if p := recover(); p != nil {
		go panic(fmt.Errorf("while leading the log: %w", Panicked(p)))
		select {}
	}
}

// writeAsLeader takes an attempt as far as it goes without delay. What then is still to
// be done is left to the log's goroutine: an attempt that began late, a commit that has
// to be looked up, and whatever is in the queue.
func (l *Lane[C, R]) writeAsLeader() (done bool) {
	if l.left.outcome != None || !l.log.ready() { // connecting takes its time
		return false
	}
	began := time.Now()
	a := l.begin(l.gather())
	if a.outcome == Begun && time.Since(began) <= LeadWithin {
		l.run(&a)
	}
	switch a.outcome {
	case None:
		return true
	case Begun, Unknown:
		l.left = a
		return false
	}
	l.conclude(&a)
	return l.Waiting() == 0
}
