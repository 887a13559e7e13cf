// Package client speaks to a parley service: it signs in and stays signed in,
// posts so that a message is stored once however often the connection fails,
// and follows chats so that every event comes once, in order, for as long as the
// caller wants.
//
//	c := client.New("http://127.0.0.1:8080")
//	if _, err := c.LogIn(ctx, "ann", "correct-horse"); err != nil { … }
//	posted, err := c.Post(ctx, chat.Post{Chat: "lobby", Text: "hello"})
//	for ev, err := range c.Follow(ctx, "lobby", client.Now) {
//		if err != nil { … } // always the last pair
//		if ev.Name == chat.KindMessage {
//			fmt.Println(ev.Message.Author, ev.Message.Text)
//		}
//	}
//
// # Errors
//
// What the service refuses is a [*Problem]; [errors.Is] compares it with the
// errors of package chat by code: errors.Is(err, chat.ErrNotAMember). Every
// other error means that there was no answer that could be used.
//
// # Sessions
//
// [Client.LogIn] keeps both tokens in the Client. Before the access token ends,
// and once when the service answers 401, the Client renews them; many callers
// at once cause one renewal. A renewal also renews the session's open streams
// where they stand. A refresh token is spent by its use, so a renewal whose
// answer was lost is repeated with the same token, and one that is under way
// when its caller's context ends is given up to two seconds more to finish.
//
// Clients of several processes share a session by a [Keeper] ([WithSession]): one of them
// renews it, and the others take up what it got. A token that is not renewed, such as a
// script token, is given by [WithToken].
//
// # Concurrency
//
// A Client may be used by many goroutines at once. It starts none of its own
// but those of a sequence that is being ranged over, and they have ended when
// the range loop has.
package client
