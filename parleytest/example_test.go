package parleytest_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"parley/chat"
	"parley/client"
	"parley/parleytest"
)

// In a test, parleytest.New(t) takes the place of Start and Close.
func Example() {
	ctx := context.Background()
	srv, err := parleytest.Start(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer srv.Close()

	if _, err := srv.Client("ann").Post(ctx, chat.Post{Chat: "lobby", Text: "hello"}); err != nil {
		log.Fatal(err)
	}
	for e, err := range srv.Client("bob").Follow(ctx, "lobby", client.Earliest) {
		if err != nil {
			log.Fatal(err)
		}
		if e.Message != nil {
			fmt.Println(e.Message.Author, "said", e.Message.Text)
			break
		}
	}
	// Output: ann said hello
}

func ExampleServer_CutStreams() {
	ctx := context.Background()
	srv, err := parleytest.Start(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer srv.Close()

	ready := 0
	for e, err := range srv.Client("bob").Follow(ctx, "lobby", client.Now) {
		if err != nil {
			log.Fatal(err)
		}
		if e.Name != client.Ready {
			continue
		}
		if ready++; ready == 2 {
			fmt.Println("and is back")
			break
		}
		fmt.Println("cut:", srv.CutStreams("bob"))
	}
	// Output:
	// cut: 1
	// and is back
}

func ExampleServer_Advance() {
	ctx := context.Background()
	srv, err := parleytest.Start(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer srv.Close()

	_, session, err := srv.LogIn(ctx, "ann")
	if err != nil {
		log.Fatal(err)
	}
	c := client.New(srv.URL, client.WithToken(session.Token))
	srv.Advance(11 * time.Minute)
	_, err = c.Me(ctx)
	if p, ok := errors.AsType[*client.Problem](err); ok {
		fmt.Println(p.Status)
	}
	// Output: 401
}
