//go:build unix

package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"parley/chat"
	"parley/e2e/need"
)

// A primary is lost while instances serve, and the standby that takes its place lacks what
// was committed last.
func TestAFailoverThatLosesCommitsIsToldAndOutlived(t *testing.T) {
	t.Parallel()
	primary := need.NewCluster(t)
	var all []*failover
	for _, instances := range []int{1, 2} {
		all = append(all, newFailover(t, primary.Database(t), instances))
	}
	standby := primary.Standby(t)
	for _, f := range all {
		f.settle(t)
	}
	line := refusedStart(t, onPostgres(standby.Counterpart(t, all[0].address))...)
	wantInLine(t, line, "--database", "standby", "name the primary")
	standby.Detach(t)
	for _, f := range all {
		f.postWhatWillBeLost(t)
	}
	primary.Crash(t)
	for _, f := range all {
		f.relay.leadTo(t, standby.Counterpart(t, f.address))
	}
	standby.Promote(t)
	promoted := time.Now()
	all[0].behind = postOnceBack(t, all[0].instances[0], all[0].token, all[0].lobby, "behind the failover", promoted)
	for i, f := range all {
		t.Run(fmt.Sprintf("instances=%d", i+1), f.goOn)
	}
}

// failover is a service whose database fails over.
type failover struct {
	address   string
	relay     *relay
	instances []*process
	ann, bob  *person
	// lobby is the chat of which messages are lost, attic one in which nothing happens
	// meanwhile.
	lobby, attic string
	// shown are what each stream has shown, the text by the id.
	shown map[int64]string
	feeds []*feed // one chat's and all chats', on each instance
	quiet []*feed // of the attic
	bobs  *feed   // by a membership that is lost
	kept  chat.Message
	lost  []chat.Message
	// token is ann's, and behind what she posts first behind the failover.
	token  string
	behind chat.Message
}

func newFailover(t *testing.T, address string, instances int) *failover {
	t.Helper()
	f := &failover{address: address, shown: make(map[int64]string)}
	relay, own := newRelay(t, address)
	f.relay = relay
	// A ping would tell the streams of the attic of a place that is lost.
	arguments := []string{"--signup", "open", "--ping", "5m"}
	if instances > 1 {
		arguments = append(arguments, "--bus", "postgres")
	}
	for range instances {
		f.instances = append(f.instances, servePostgres(t, own, slices.Clone(arguments)...))
	}
	return f
}

func (f *failover) last() *process { return f.instances[len(f.instances)-1] }

// settle makes what the standby will know, and opens the streams.
func (f *failover) settle(t *testing.T) {
	t.Helper()
	f.ann, f.bob = newPerson(t, f.instances[0]), newPerson(t, f.instances[0])
	f.lobby, f.attic = f.ann.makeChat(), f.ann.makeChat()
	f.kept = f.post(t, "kept message", "key-of-the-kept")
	f.token = f.ann.login(f.instances[0]).Token
	for _, p := range f.instances {
		token := f.ann.login(p).Token
		for _, path := range []string{"/chats/" + f.lobby + "/stream", "/stream"} {
			f.feeds = append(f.feeds, mustOpenFeed(t, p.URL+path, token, ""))
		}
		f.quiet = append(f.quiet, mustOpenFeed(t, p.URL+"/chats/"+f.attic+"/stream", token, ""))
	}
	for _, stream := range append(f.feeds, f.quiet...) {
		stream.until(t, "ready")
	}
	f.bob.login(f.last()) // the last thing that is kept
}

func (f *failover) post(t *testing.T, text, key string) chat.Message {
	t.Helper()
	posted, err := f.ann.Post(t.Context(), chat.Post{Chat: f.lobby, Text: text, ClientID: key})
	if err != nil {
		t.Fatal(err)
	}
	return posted.Message
}

// show reads a message that a stream shows next, and holds it against what others were shown
// under its id.
func (f *failover) show(t *testing.T, stream *feed, text string) chat.Message {
	t.Helper()
	m := messageOf(t, stream.until(t, ""))
	if was, ok := f.shown[m.ID]; ok && was != m.Text || m.Text != text {
		t.Errorf("a stream shows %q under %d, where %q was shown; want %q", m.Text, m.ID, was, text)
	}
	f.shown[m.ID] = m.Text
	return m
}

// postWhatWillBeLost posts, and changes who may, while the standby hears of nothing.
func (f *failover) postWhatWillBeLost(t *testing.T) {
	t.Helper()
	if _, err := f.ann.PutMember(t.Context(), f.lobby, f.bob.name, ""); err != nil {
		t.Fatal(err)
	}
	f.bobs = mustOpenFeed(t, f.last().URL+"/chats/"+f.lobby+"/stream", f.bob.login(f.last()).Token, "")
	f.bobs.until(t, "ready")
	for i := range 3 {
		f.lost = append(f.lost, f.post(t, fmt.Sprintf("lost message %d", i), fmt.Sprintf("key-of-lost-%d", i)))
	}
	f.bob.post(f.lobby, "bob is let write")
	for i := range 3 {
		for _, stream := range f.feeds {
			f.show(t, stream, fmt.Sprintf("lost message %d", i))
		}
	}
	for _, stream := range f.feeds {
		f.show(t, stream, "bob is let write")
	}
}

// goOn holds what must be so behind the failover.
func (f *failover) goOn(t *testing.T) {
	place := make(map[*feed]int64)
	for _, stream := range f.feeds { // whether somebody posts or not
		place[stream] = wantAhead(t, stream, f.lost[len(f.lost)-1].ID)
	}
	m := f.behind
	if m.ID == 0 {
		m = f.ann.post(f.lobby, "behind the failover")
	}
	for _, stream := range f.feeds {
		if place[stream] >= m.ID {
			continue // it is listed again
		}
		if got := f.show(t, stream, "behind the failover"); !reflect.DeepEqual(got, m) {
			t.Errorf("a stream shows %+v, want %+v", got, m)
		}
	}
	// Keys are those of the database as it is: one is known, one is not any more.
	if again := f.post(t, "kept message", "key-of-the-kept"); !reflect.DeepEqual(again, f.kept) {
		t.Errorf("a key that was kept answers %+v, want %+v", again, f.kept)
	}
	anew := f.post(t, "lost message 0", "key-of-lost-0")
	if anew.ID <= m.ID || anew.Seq != m.Seq+1 {
		t.Errorf("a key that was lost answers %+v, behind %+v", anew, m)
	}
	for _, stream := range f.feeds {
		f.show(t, stream, "lost message 0")
	}
	f.losesWhatWasLost(t)
	f.noticesNothingWhereNothingWasLost(t)
}

// wantAhead wants a stream to be told that its place is lost, and where it goes on: not before
// cursor.
func wantAhead(t *testing.T, stream *feed, cursor int64) int64 {
	t.Helper()
	var reset struct {
		Reason string
		Cursor int64
	}
	b := stream.until(t, "reset")
	if err := json.Unmarshal([]byte(b.Data), &reset); err != nil || reset.Reason != "ahead" || reset.Cursor < cursor ||
		b.ID != fmt.Sprint(reset.Cursor) {
		t.Errorf("reset: %+v, %v; want ahead and at least %d", b, err, cursor)
	}
	return reset.Cursor
}

// losesWhatWasLost: a right and a place that were lost are no more.
func (f *failover) losesWhatWasLost(t *testing.T) {
	t.Helper()
	if bye := f.bobs.until(t, "bye"); bye.Data != `{"reason":"left"}` && bye.Data != `{"reason":"revoked"}` {
		t.Errorf("a stream by a lost membership ends with %s", bye.Data)
	}
	for _, p := range f.instances {
		bob := f.bob.at(p)
		if _, err := bob.Post(t.Context(), chat.Post{Chat: f.lobby, Text: "by a lost membership"}); !errors.Is(err, chat.ErrNotFound) {
			t.Errorf("a post by a lost membership: %v", err)
		}
		back := mustOpenFeed(t, p.URL+"/chats/"+f.lobby+"/stream", f.ann.login(p).Token, fmt.Sprint(f.lost[0].ID))
		wantAhead(t, back, f.kept.ID)
	}
}

// noticesNothingWhereNothingWasLost: the streams of the attic go on, each event once.
func (f *failover) noticesNothingWhereNothingWasLost(t *testing.T) {
	t.Helper()
	m := f.ann.post(f.attic, "in the attic")
	for _, stream := range f.quiet {
		for {
			b, err := stream.next()
			if err != nil {
				t.Fatal(err)
			}
			if b.HasData && b.Name != "ping" {
				if b.Name != "" || !reflect.DeepEqual(messageOf(t, b), m) {
					t.Errorf("a stream that lost nothing shows %+v", b)
				}
				break
			}
		}
	}
}
