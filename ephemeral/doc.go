// Package ephemeral makes the place of a server that leaves nothing behind, and fills it
// with users, tokens, chats and messages: for `parley serve --ephemeral`, and in process for
// package parleytest.
//
// The place is a folder of its own, which [Place.Close] removes. It lies in memory where the
// system has a file system for that, with room in it. So the server has the same SQLite
// file, with the same locks and checks, as any other. SQLite's own databases in memory have
// no write-ahead log: readers would hold up the writer, and tests would meet waits and
// errors that other servers do not have. A folder that is unlinked while it is in use is
// none for SQLite, which opens files of it by their names all the time.
package ephemeral
