// Package stream carries the log's events to everybody who follows a chat.
//
// Nobody is sent anything. A reader is a cursor, which is a position in the log,
// and a wake-up: it takes what follows its cursor from memory where that reaches
// back far enough, from the log where it does not, and sleeps when there is
// nothing. Replay and live are the same code, so no message can be lost or
// doubled between them; a slow reader has no queue, it is only further behind.
//
// The words:
//   - The tail is the highest position that this instance has applied. It is
//     always contiguous: what a writer's commit, a bus or the poll tells of is a
//     hint that the head may have moved, and a hole is filled from the log.
//   - A room is what is live of a chat: the newest frames, and the subscriptions of the
//     readers who follow it.
//   - A frame is an event encoded once, ready for the wire, and shared by all
//     readers.
//   - The broker holds the tail, the rooms and the readers.
//
// What a stream promises: each durable event once, in order, with nothing
// missing between the position that the client named and the last that it was
// given; nothing of a chat after the position at which its reader left; an end at
// the position where the reader's rights ended, or 5 s after the tail passed it.
package stream
