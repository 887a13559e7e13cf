// Package stream carries the log's events to every client that follows a chat.
//
// No client is sent anything. A reader is a cursor, which is a position in the log,
// and a wake-up: it takes what follows its cursor from memory where that reaches
// back far enough, from the log where it does not, and sleeps when there is
// nothing. Replay and live are the same code, so no message can be lost or
// doubled between them; a slow reader has no queue, it is only further behind.
//
// The words:
//   - The tail is the highest position that this instance has applied. It is
//     always contiguous: what a writer's commit, a bus or the poll tells of is a
//     hint that the head may have moved, and a hole is filled from the log.
//   - A room is what is live of a chat: the newest frames, and the subscriptions of
//     the readers that follow it.
//   - A frame is an event encoded once, ready for the wire, and shared by all
//     readers.
//   - A segment is a part of the log that was read for readers further behind than
//     memory reaches.
//   - The broker is three parts behind one mutex: the registry knows the readers and
//     their limits, memory holds rooms and segments within one budget, the tail moves
//     both along the log.
//
// What a stream promises: each durable event once, in order, with nothing
// missing between the position that the client named and the last that it was
// given; nothing of a chat after the position at which its reader left; an end at
// the position where the reader's rights ended, or 5 s after the tail passed it.
//
// # Ownership
//
// A reader has three parts, each with one owner. Its position (cursor,
// subscriptions, rights) is guarded by the broker's mutex; the cursor is written by
// the reader's driver alone, which may therefore read it without the mutex. Its
// output (connection, unsent rest, end) and its timers belong to its driver: an
// event loop, or the goroutine of the stream. A reader that is not driven yet, or
// not any more, belongs to the goroutine that opens or ends it.
//
// Whether a reader has something to do is computed from its cursor and from the
// positions of its rooms. There is no flag beside them. The list of touched
// subscriptions only says where to look first.
//
// The broker's mutex guards the registry and memory. The tail, the renewals and the
// openings each have a mutex for what others hand them.
//
// # Order of locks
//
// The broker's mutex comes before an event loop's. No other two are held together,
// and no mutex is held during a read of the log, an encoding or a write.
//
// # Blocking
//
// Committed, a driver's wake and everything under the broker's mutex never block.
// An event loop never waits for a connection or for the log: a full socket stalls
// its own reader alone. A read of older parts also waits until the tail has come as far as the log
// was when it was read. The tail, the renewals, the openings and at most eight
// reads of older parts, at which users take turns, wait for the log, each in goroutines of
// their own. Serve and Page wait for the log until a stream is open; the goroutine of a stream
// that no event loop drives waits for its own connection; Hold waits a tenth of a second at
// most.
package stream
