//go:build unix

package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"parley/chat"
	"parley/client"
	"parley/e2e/need"
)

// twoInstances are two servers on one database.
func twoInstances(t *testing.T, arguments ...string) (a, b *process) {
	address := need.Postgres(t)
	arguments = append(arguments, "--signup", "open")
	return servePostgres(t, address, arguments...), servePostgres(t, address, arguments...)
}

func TestNothingOfARemovedMemberLandsBehindHisRemovalElsewhere(t *testing.T) {
	t.Parallel()
	a, b := twoInstances(t)
	owner, member := newPerson(t, a), newPerson(t, a)
	ownerAtB, token := owner.at(b), member.login(a).Token
	chatID := owner.makeChat()
	for round := range 8 {
		if _, err := owner.PutMember(t.Context(), chatID, member.name, ""); err != nil {
			t.Fatal(err)
		}
		posting := make(chan int64)
		begun := make(chan struct{}, 1000)
		go func() {
			var last int64
			for i := 0; ; i++ {
				var m chat.Message
				if !postOnce(t, a, token, chatID, fmt.Sprintf("round %d, post %d", round, i), &m) {
					posting <- last
					return
				}
				last = m.ID
				select {
				case begun <- struct{}{}:
				default:
				}
			}
		}()
		for range 5 {
			<-begun
		}
		if err := ownerAtB.RemoveMember(t.Context(), chatID, member.name); err != nil {
			t.Fatal(err)
		}
		last := <-posting
		removed := lastLeft(t, owner, chatID)
		if last == 0 || last > removed {
			t.Errorf("round %d: message %d, removal at %d", round, last, removed)
		}
	}
}

// lastLeft is the position at which the chat last lost a member.
func lastLeft(t *testing.T, who *person, chatID string) int64 {
	t.Helper()
	var left int64
	for ev, err := range who.Follow(t.Context(), chatID, client.Earliest) {
		if err != nil {
			t.Fatal(err)
		}
		switch ev.Name {
		case chat.KindMemberLeft:
			left = ev.ID
		case client.Ready:
			return left
		}
	}
	return left
}

func TestALogoutElsewhereEndsPostsAndStreamsHere(t *testing.T) {
	t.Parallel()
	a, b := twoInstances(t)
	ann := newPerson(t, a)
	chatID := ann.makeChat()
	for _, path := range []string{"/stream", "/chats/" + chatID + "/stream"} {
		token := ann.login(a).Token
		f := mustOpenFeed(t, a.URL+path, token, "")
		f.until(t, "ready")
		call(t, "POST", b.URL+"/logout", token, "", http.StatusNoContent, nil)
		status, answer, err := send(t, "POST", a.URL+"/messages", token, fmt.Sprintf(`{"chat":%q,"text":"after the logout"}`, chatID))
		if err != nil || status != http.StatusUnauthorized {
			t.Errorf("a post behind the logout: %d %s %v", status, answer, err)
		}
		if bye := f.until(t, "bye"); bye.Data != `{"reason":"revoked"}` {
			t.Errorf("%s ends with %s", path, bye.Data)
		}
		if _, err := f.next(); err == nil || err.Error() != "EOF" {
			t.Errorf("a final end is not clean: %v", err)
		}
	}
}

func TestMessagesPassBetweenInstances(t *testing.T) {
	t.Parallel()
	a, b := twoInstances(t)
	ann, bob := newPerson(t, a), newPerson(t, b)
	chatID := ann.makeChat(bob)
	f := mustOpenFeed(t, b.URL+"/stream", bob.login(b).Token, "")
	f.until(t, "ready")
	for i := range 3 {
		m := ann.post(chatID, fmt.Sprintf("from the other instance, %d", i))
		if got := messageOf(t, f.until(t, "")); !reflect.DeepEqual(got, m) {
			t.Errorf("got %+v, want %+v", got, m)
		}
	}
}

func TestARefreshElsewhereRenewsAStreamHere(t *testing.T) {
	t.Parallel()
	a, b := twoInstances(t, "--access-ttl", "6s", "--ping", "1s")
	ann := newPerson(t, a)
	chatID := ann.makeChat()
	renewed, abandoned := ann.login(a), ann.login(a)
	f := mustOpenFeed(t, a.URL+"/chats/"+chatID+"/stream", renewed.Token, "")
	end := mustOpenFeed(t, a.URL+"/chats/"+chatID+"/stream", abandoned.Token, "")
	f.until(t, "auth")
	keepRenewing(t, b, renewed)
	if bye := end.until(t, "bye"); bye.Data != `{"reason":"expired"}` {
		t.Errorf("the stream that nobody renewed ends with %s", bye.Data)
	}
	ann.post(chatID, "behind the first token's end")
	if m := messageOf(t, f.until(t, "")); m.Text != "behind the first token's end" {
		t.Errorf("got %+v", m)
	}
}

// keepRenewing renews a session at once, and then every second to the end of the test: on
// a busy machine a token may end before.
func keepRenewing(t *testing.T, p *process, login chat.Login) {
	t.Helper()
	renew := func() error {
		status, answer, err := send(t, "POST", p.URL+"/refresh", "", fmt.Sprintf(`{"refresh_token":%q}`, login.RefreshToken))
		if err != nil || status != http.StatusOK {
			return fmt.Errorf("a refresh: %d %s %v", status, answer, err)
		}
		return json.Unmarshal(answer, &login)
	}
	if err := renew(); err != nil {
		t.Fatal(err)
	}
	stopping, stopped := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() {
		close(stopping)
		<-stopped
	})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stopping:
				return
			case <-time.After(time.Second):
			}
			if err := renew(); err != nil {
				t.Error(err)
				return
			}
		}
	}()
}

func TestAFrozenInstanceDoesNotStopTheOthers(t *testing.T) {
	t.Parallel()
	a, b := twoInstances(t)
	ann := newPerson(t, a)
	chatID := ann.makeChat()
	atB := ann.at(b)
	for round := range 3 {
		stop := make(chan struct{})
		posted := make(chan struct{}, 1000)
		for w := range 8 {
			go func() {
				for i := 0; ; i++ {
					select {
					case <-stop:
						return
					default:
					}
					_, err := ann.Post(t.Context(), chat.Post{Chat: chatID, Text: fmt.Sprintf("busy %d %d %d", round, w, i)})
					if errors.Is(err, t.Context().Err()) && err != nil {
						return
					}
					select {
					case posted <- struct{}{}:
					default:
					}
				}
			}()
		}
		for range 20 {
			<-posted
		}
		a.Freeze()
		atB.post(chatID, fmt.Sprintf("while the other stands still, %d", round))
		close(stop)
		a.Thaw()
		ann.post(chatID, fmt.Sprintf("and goes on, %d", round))
	}
}

// The streams of an instance that ends in good order stop counting at once, those of one
// that is killed when its lease has run out.
func TestAUsersStreamsAreCountedOverInstances(t *testing.T) {
	t.Parallel()
	a, b := twoInstances(t, "--max-streams-per-user", "8")
	ann := newPerson(t, a)
	token := ann.login(a).Token
	open := func(p *process, n int) {
		t.Helper()
		for range n {
			mustOpenFeed(t, p.URL+"/stream", token, "").until(t, "ready")
		}
	}
	// becomes waits until one stream more is refused, or is not, and says how long that took.
	becomes := func(p *process, refused bool) time.Duration {
		t.Helper()
		began := time.Now()
		waitFor(t, func() bool {
			status, answer, err := send(t, "GET", p.URL+"/stream?timeout=1ms", token, "")
			time.Sleep(50 * time.Millisecond) // a try is work for the instance
			if err != nil || status != http.StatusOK && !strings.Contains(string(answer), `"too_many_streams"`) {
				t.Fatalf("one stream more: %d %s %v", status, answer, err)
			}
			return status != http.StatusOK == refused
		})
		return time.Since(began)
	}
	const soon, leased = 10 * time.Second, 30 * time.Second
	open(a, 5)
	open(b, 3)
	for _, p := range []*process{a, b} {
		if took := becomes(p, true); took > soon {
			t.Errorf("the ninth stream is refused after %v", took)
		}
	}
	b.Terminate()
	if took := becomes(a, false); took > soon {
		t.Errorf("the streams of an instance that has ended are free after %v", took)
	}
	b.Restart()
	open(b, 3)
	becomes(a, true)
	b.Kill()
	if took := becomes(a, false); took > leased {
		t.Errorf("the streams of an instance that was killed are free after %v", took)
	}
}
