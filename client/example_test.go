package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"parley/chat"
	"parley/client"
	"parley/parleytest"
)

// service is a parley with ann, bob and the chat lobby, to run the examples against.
func service() (srv *parleytest.Server, ctx context.Context) {
	ctx = context.Background()
	srv, err := parleytest.Start(ctx)
	if err != nil {
		log.Fatal(err)
	}
	return srv, ctx
}

// Log in, post, and follow: the client stays logged in, and reconnects, for as long as the
// loop goes on.
func Example() {
	srv, ctx := service()
	defer srv.Close()

	c := client.New(srv.URL)
	if _, err := c.LogIn(ctx, "ann", srv.Users["ann"].Password); err != nil {
		log.Fatal(err)
	}
	if _, err := c.Post(ctx, chat.Post{Chat: "lobby", Text: "hello"}); err != nil {
		log.Fatal(err)
	}
	for e, err := range c.FollowAll(ctx, client.Earliest) {
		if err != nil {
			log.Fatal(err) // always the last pair
		}
		if e.Name == chat.KindMessage {
			fmt.Printf("%s in %s: %s\n", e.Message.Author, e.Chat, e.Message.Text)
			break
		}
	}
	// Output: ann in lobby: hello
}

// With a key of the caller's own a message is stored once, also where the program that posts
// it is started again.
func ExampleClient_Post() {
	srv, ctx := service()
	defer srv.Close()

	for range 2 {
		posted, err := srv.Client("ann").Post(ctx, chat.Post{Chat: "lobby", Text: "deployed", ClientID: "deploy-42"})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(posted.Message.Text, posted.Replayed)
	}
	// Output:
	// deployed false
	// deployed true
}

// Go over from reading back to following without a gap.
func ExampleClient_History() {
	srv, ctx := service()
	defer srv.Close()
	c := srv.Client("ann")

	if _, err := c.Post(ctx, chat.Post{Chat: "lobby", Text: "old"}); err != nil {
		log.Fatal(err)
	}
	part, err := c.History(ctx, "lobby", chat.HistoryQuery{Limit: 50})
	if err != nil {
		log.Fatal(err)
	}
	for _, m := range part.Messages {
		fmt.Println(m.Text)
	}
	if _, err := c.Post(ctx, chat.Post{Chat: "lobby", Text: "new"}); err != nil {
		log.Fatal(err)
	}
	for e, err := range c.Follow(ctx, "lobby", client.After(part.Cursor)) {
		if err != nil {
			log.Fatal(err)
		}
		if e.Message != nil {
			fmt.Println(e.Message.Text)
			break
		}
	}
	// Output:
	// old
	// new
}

// A script has a token of its own, for what it does and nothing else.
func ExampleClient_CreateToken() {
	srv, ctx := service()
	defer srv.Close()

	ann, _, err := srv.LogIn(ctx, "ann")
	if err != nil {
		log.Fatal(err)
	}
	made, err := ann.CreateToken(ctx, chat.TokenRequest{Name: "nightly build", Scopes: []string{"post"}, Chats: []string{"lobby"}})
	if err != nil {
		log.Fatal(err)
	}
	script := client.New(srv.URL, client.WithToken(made.Secret))
	if _, err := script.Post(ctx, chat.Post{Chat: "lobby", Text: "built"}); err != nil {
		log.Fatal(err)
	}
	_, err = script.History(ctx, "lobby", chat.HistoryQuery{})
	if p, ok := errors.AsType[*client.Problem](err); ok {
		fmt.Println(p.Code)
	}
	// Output: insufficient_scope
}
