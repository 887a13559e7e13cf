package e2e

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"parley/chat"
	"parley/client"
)

// The server is killed over and over while some post: whatever was answered 201
// is in the history once, and a reader that was there all the time was shown the
// same messages, once, in order.
func TestWhatWasAnsweredOutlivesAKilledServer(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, p *process) {
		ann, bob := newPerson(t, p), newPerson(t, p)
		chatID := ann.makeChat(bob)
		token := ann.login(p).Token

		var answered sync.Map // text → id, of posts that nobody repeated
		var count atomic.Int64
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		var posting sync.WaitGroup
		for w := range 4 {
			posting.Go(func() {
				for i := 0; ctx.Err() == nil; i++ {
					text := fmt.Sprintf("said %d by writer %d", i, w)
					if w == 0 {
						// Repeated by the client until it is answered.
						posted, err := ann.Post(ctx, chat.Post{Chat: chatID, Text: text})
						if err == nil {
							answered.Store(text, posted.Message.ID)
							count.Add(1)
						}
						continue
					}
					var m chat.Message
					if postOnce(t, p, token, chatID, text, &m) {
						answered.Store(text, m.ID)
						count.Add(1)
					}
				}
			})
		}
		shown := make(chan []chat.Message, 1)
		go func() { shown <- follow(t, bob, chatID, "the very last") }()

		for kill := range 3 {
			waitFor(t, func() bool { return count.Load() >= int64(kill+1)*25 })
			p.Kill()
			p.Restart()
		}
		waitFor(t, func() bool { return count.Load() >= 100 })
		stop()
		posting.Wait()
		ann.post(chatID, "the very last")

		stored := make(map[string]int64)
		var ids []int64
		for m, err := range ann.Messages(t.Context(), chatID, 0) {
			if err != nil {
				t.Fatal(err)
			}
			if _, twice := stored[m.Text]; twice {
				t.Errorf("%q is stored twice", m.Text)
			}
			stored[m.Text] = m.ID
			ids = append(ids, m.ID)
		}
		answered.Range(func(text, id any) bool {
			if stored[text.(string)] != id {
				t.Errorf("%q was answered as %d and is stored as %d", text, id, stored[text.(string)])
			}
			return true
		})
		var seen []int64
		for _, m := range <-shown {
			seen = append(seen, m.ID)
		}
		if fmt.Sprint(seen) != fmt.Sprint(ids) {
			t.Errorf("the reader was shown %v\nstored is %v", seen, ids)
		}
	})
}

// postOnce posts without repeating, and says whether it was answered 201.
func postOnce(t testing.TB, p *process, token, chatID, text string, m *chat.Message) bool {
	status, answer, err := send(t, "POST", p.URL+"/messages", token, fmt.Sprintf(`{"chat":%q,"text":%q}`, chatID, text))
	if err != nil || status != http.StatusCreated {
		return false
	}
	decode(t, answer, m)
	return true
}

// follow returns the messages of a chat from its beginning to the one with the
// given text.
func follow(t testing.TB, who *person, chatID, last string) []chat.Message {
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
	defer cancel()
	var shown []chat.Message
	for ev, err := range who.Follow(ctx, chatID, client.Earliest) {
		if err != nil {
			t.Errorf("following: %v", err)
			return shown
		}
		if ev.Message == nil {
			continue
		}
		shown = append(shown, *ev.Message)
		if strings.EqualFold(ev.Message.Text, last) {
			return shown
		}
	}
	return shown
}
