// Package posts is the lane of the commit log for what is said in chats: entries that
// many write at once, and each of which costs a share of its batch's messages to the
// database. A batch is decided in Go, behind the head's lock, by what is read for all
// of its entries together or is remembered from the batch before.
//
// An [Entry] has an author, a chat and a place in the log: a new message, or an edit of one that
// is there, its deletion, or a reaction that comes or goes.
package posts
