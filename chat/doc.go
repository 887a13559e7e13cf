// Package chat says what a chat is: its words, their JSON form, the rules that
// hold for them, the errors by which they are refused, and the interfaces that
// whoever stores them must keep.
//
// Everything durable that happens is an [Event] of one log. Its position counts
// 1, 2, 3 … over the whole service in commit order without a hole; its sequence
// number counts the events of its own chat in the same way. Whoever knows the
// position he has come to has missed nothing before it.
//
// A type's JSON is made here and nowhere else: an answer, a stream's frame and
// the Go client carry the same bytes for the same value.
//
// The package stands on the standard library alone and knows no other package
// of parley.
package chat
