// Package chat defines what a chat is: its types and their JSON form, the rules
// that they obey, the errors that refuse a request, and the interfaces that a
// store implements.
//
// Everything durable that happens is an [Event] of one log. Its position counts
// 1, 2, 3 … over the whole service in commit order without a hole; its sequence
// number counts the events of its own chat in the same way. A client that has
// come to a position has missed nothing before it.
//
// A type's JSON is made here and nowhere else: an answer, a stream's frame and
// the Go client carry the same bytes for the same value.
//
// The package stands on the standard library alone and knows no other package
// of parley.
package chat
