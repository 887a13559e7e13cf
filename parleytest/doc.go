// Package parleytest runs a parley inside a test: with users, tokens and chats that are
// there from the start, a clock to move, and faults to inject.
//
//	srv := parleytest.New(t)
//	posted, err := srv.Client("ann").Post(ctx, chat.Post{Chat: "lobby", Text: "hello"})
//
// What the test tests is given [Server.URL] and a token, such as srv.Users["bob"].Token, or
// those of [Server.LogIn]. Unless [WithSeed] says otherwise, there are the users ann, who is
// an admin, and bob, and the public chat lobby, which is ann's and which both are in.
//
// It is the real server on a SQLite file of its own, without limits on rate. Requests reach
// it through a front, which the faults are made in that happen on the way. Everything is
// gone when the test ends. A program in another language has the same from
// `parley serve --ephemeral --print-json`, without clock and faults.
package parleytest
