// Package repository keeps everything that is stored, in SQL, in one text for SQLite and
// for PostgreSQL.
//
// It is made of chapters that can be read alone. commitlog is the group commit: queues,
// leader, batch, outcome. posts is what a post is decided by. sqlite and postgres are the
// connections and what is done differently on each. This package has the nouns (users,
// sessions, chats, members, messages, the log) and puts the chapters together.
//
// Every change goes through the one log of a [Repository]. A transaction of the log locks
// the head first and only then looks at anything. So each request is decided on what is
// true at its own position, and positions are given out in the order in which they become
// visible, with any number of instances. When a method returns without an error, what it
// did is on the disk.
//
// Reads go to a pool beside the log and never wait for it.
//
// No method waits longer than 3 s for the database. chat.ErrUnavailable means that the
// database did not answer in that time. A change that was refused because it waited too
// long is never made afterwards; only if the database fell silent while the change ran is
// it not known whether it was made.
package repository
