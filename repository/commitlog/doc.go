// Package commitlog is the group commit of one instance: it puts requests into
// transactions, one transaction at a time, and gives out the log's positions in the
// order in which they become visible, with any number of instances on one database. It
// knows neither what is stored nor in which SQL.
//
// A [Log] has one connection and some lanes. A [Lane] is a queue of requests of one
// kind, and a transaction holds requests of one lane alone. While several lanes wait,
// they take turns. So requests that share two messages with their whole batch never
// wait behind a batch of requests that take messages of their own each, for longer than one
// transaction's budget.
//
// The goroutine that holds the lead writes. That is the log's own goroutine, or, while
// nothing is being written, a caller of a lane whose callers may lead. A caller
// leads only as long as nothing goes wrong; it hands an attempt that needs more time
// over to the log's goroutine.
//
// # The promises
//
// An answer other than an error means that what was asked is on the disk, and that it
// was published before.
//
// A request waits, runs, and is answered. Its caller may give up only while it waits;
// one compare-and-swap decides between the caller that gives up and the log that
// claims. A request is claimed behind the head's lock, so that what waits for a lock
// can still be given up; only where one message takes the lock, stores and commits, is
// it claimed before that message is sent. So nothing that was given up is stored.
// [ErrUnavailable] leaves open whether it was stored in one case: the database did not
// answer within [AnswerWithin].
//
// The lock is held for [lockBudget] or for one request and the commit, whichever takes
// longer; a request that takes longer than those before it adds what it takes more. What a
// batch reads in the message that takes the lock comes on top; the database bounds it.
//
// A panic in Steps.Run is an outcome that has to be looked up. One in any other step ends
// the process, also in a caller that leads: what the lanes remember and what was published may
// then be wrong, and a new process reads both from the disk.
//
// A request that the database refuses harms no other: its batch is undone, and each of
// its requests is tried again in a transaction of its own.
package commitlog
