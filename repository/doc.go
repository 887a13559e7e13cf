// Package repository keeps everything that is stored, in SQL, in one text for
// SQLite and for PostgreSQL.
//
// Whatever changes something goes through the one writer of a [Repository]. It
// takes what waits, opens one transaction for all of it, locks the head of the
// log, and only then looks at anything; so each request is decided on what is
// true at its own position of the log, and positions are given out in the order
// in which they become visible, by however many instances. When a method returns
// without an error, what it did is on the disk.
//
// Reads go to a pool beside the writer and never wait for it.
//
// No method waits longer than 3 s for the database. chat.ErrUnavailable means
// that it did not answer in that time and, for a change, that whether it was made
// is not known.
package repository
