package repository

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/chat"
)

// wantTexts wants events to be these, each by its text, or its kind if it is no
// message.
func wantTexts(t *testing.T, what string, evs []chat.Event, err error, want ...string) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	var got []string
	var last int64
	for _, ev := range evs {
		if ev.Pos <= last {
			t.Errorf("%s: %d follows %d", what, ev.Pos, last)
		}
		last = ev.Pos
		if ev.Message != nil {
			got = append(got, ev.Message.Text)
		} else {
			got = append(got, string(ev.Kind)+" "+ev.Username)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

func TestMemberAfterShowsWhatHappenedWhileOneWasAMember(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		actors := signUp(t, r, "ann", "bob")
		ann, bob := actors["ann"], actors["bob"]
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		join := func(id string) int64 {
			_, err := r.PutMember(t.Context(), bob, id, "bob", "")
			must(err)
			return headOf(t, r)
		}
		leave := func(id string) int64 {
			must(r.RemoveMember(t.Context(), bob, id, "bob"))
			return headOf(t, r)
		}
		for _, id := range []string{"kept", "gone", "back"} {
			makeChat(t, r, ann, id, chat.Public, nil)
		}
		say(t, r, ann, "kept", "kept 0")
		start := headOf(t, r)
		join("kept")
		say(t, r, ann, "kept", "kept 1")
		join("gone")
		say(t, r, ann, "gone", "gone 1")
		join("back")
		inGone := headOf(t, r)
		say(t, r, ann, "back", "back 1")
		leave("back")
		say(t, r, ann, "back", "back unseen")
		leave("gone")
		say(t, r, ann, "gone", "gone unseen")
		away := headOf(t, r)
		join("back")
		say(t, r, ann, "back", "back 2")
		head := headOf(t, r)
		after := func(opened, after, upTo int64) ([]chat.Event, error) {
			var all []chat.Event
			for after < upTo {
				part, err := r.MemberAfter(t.Context(), "bob", opened, after, upTo, 2)
				evs, through := part.Events, part.Through
				if err != nil {
					return nil, err
				}
				if through <= after || len(evs) > 0 && through < evs[len(evs)-1].Pos {
					t.Fatalf("from %d through %d with %d events", after, through, len(evs))
				}
				all = append(all, evs...)
				after = through
			}
			return all, nil
		}
		evs, err := after(head, start, head)
		wantTexts(t, "opened at the head", evs, err,
			"member.joined bob", "kept 1", "member.joined bob", "back 1", "member.left bob", "member.left bob", "member.joined bob", "back 2")
		evs, err = after(away, start, head)
		wantTexts(t, "opened while away", evs, err,
			"member.joined bob", "kept 1", "member.left bob", "member.left bob", "member.joined bob", "back 2")
		evs, err = after(inGone, start, away)
		wantTexts(t, "opened while in all", evs, err,
			"member.joined bob", "kept 1", "member.joined bob", "gone 1", "member.joined bob", "back 1", "member.left bob", "member.left bob")
		evs, err = after(start, start, away)
		wantTexts(t, "opened while in none", evs, err,
			"member.joined bob", "kept 1", "member.joined bob", "gone 1", "member.joined bob", "back 1", "member.left bob", "member.left bob")
		evs, err = after(head, inGone, away)
		wantTexts(t, "from the middle", evs, err, "back 1", "member.left bob", "member.left bob")
		part, err := r.MemberAfter(t.Context(), "bob", head, head, head, 10)
		if wantTexts(t, "at the end", part.Events, err); part.Through != head {
			t.Errorf("at the end: through %d of %d", part.Through, head)
		}
	})
}

func TestOfAChatLeftSeveralTimesTheLastLeavingIsReplayed(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		actors := signUp(t, r, "ann", "bob")
		ann, bob := actors["ann"], actors["bob"]
		for _, id := range []string{"away", "back"} {
			makeChat(t, r, ann, id, chat.Public, nil)
		}
		start := headOf(t, r)
		visit := func(id, text string) {
			if _, err := r.PutMember(t.Context(), bob, id, "bob", ""); err != nil {
				t.Fatal(err)
			}
			say(t, r, ann, id, text)
			if err := r.RemoveMember(t.Context(), bob, id, "bob"); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 3 {
			visit("away", fmt.Sprint("away ", i))
		}
		afterThree := headOf(t, r)
		visit("back", "back 0")
		if _, err := r.PutMember(t.Context(), bob, "back", "bob", ""); err != nil {
			t.Fatal(err)
		}
		head := headOf(t, r)
		part, err := r.MemberAfter(t.Context(), "bob", head, start, head, 100)
		evs := part.Events
		wantTexts(t, "opened at the head", evs, err, "member.left bob", "member.joined bob", "back 0", "member.left bob", "member.joined bob")
		if evs[0].Pos != afterThree || evs[0].Chat != "away" {
			t.Errorf("the first is at %d of %s, want the last leaving, at %d", evs[0].Pos, evs[0].Chat, afterThree)
		}
		visit("away", "away 3")
		part, err = r.MemberAfter(t.Context(), "bob", head, start, headOf(t, r), 100)
		wantTexts(t, "with what came behind the opening", part.Events, err, "member.left bob",
			"member.joined bob", "back 0", "member.left bob", "member.joined bob", "member.joined bob", "away 3", "member.left bob")
	})
}

func TestAPageOfMemberAfterLooksAtABoundedPartOfTheLog(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		actors := signUp(t, r, "ann", "bob")
		makeChat(t, r, actors["ann"], "loud", chat.Private, nil)
		makeChat(t, r, actors["bob"], "silent", chat.Private, nil)
		fillChat(t, r, "loud", "ann", 3*memberWindow)
		say(t, r, actors["bob"], "silent", "there you are")
		pages, after, head := 0, int64(0), headOf(t, r)
		var all []chat.Event
		for after < head {
			part, err := r.MemberAfter(t.Context(), "bob", head, after, head, 100)
			if err != nil || part.Through-after > memberWindow || part.Through <= after {
				t.Fatalf("from %d through %d, %v", after, part.Through, err)
			}
			all, after, pages = append(all, part.Events...), part.Through, pages+1
		}
		if wantTexts(t, "in all", all, nil, "member.joined bob", "there you are"); pages != 4 {
			t.Errorf("%d pages", pages)
		}
	})
}

func TestAfterReadsRowsAndHeadOfOneMoment(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		ann := signUp(t, r, "ann")["ann"]
		makeChat(t, r, ann, "room", chat.Private, nil)
		stop := make(chan struct{})
		posted := make(chan error, 1)
		go func() {
			for {
				select {
				case <-stop:
					posted <- nil
					return
				default:
				}
				if _, err := r.Post(t.Context(), ann, chat.Post{Chat: "room", Text: "hello"}); err != nil {
					posted <- err
					return
				}
			}
		}()
		var at int64
		for range 100 {
			evs, head, err := r.After(t.Context(), at, 50)
			if err != nil {
				t.Fatal(err)
			}
			if len(evs) < 50 && at+int64(len(evs)) != head {
				t.Fatalf("%d events behind %d, and the head is %d", len(evs), at, head)
			}
			for _, ev := range evs {
				if at++; ev.Pos != at {
					t.Fatalf("%d in place of %d", ev.Pos, at)
				}
			}
		}
		close(stop)
		if err := <-posted; err != nil {
			t.Error(err)
		}
	})
}

func TestChatAfterIsAPartOfAChat(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		ann := signUp(t, r, "ann")["ann"]
		for _, id := range []string{"here", "there"} {
			makeChat(t, r, ann, id, chat.Private, nil)
		}
		var ids []int64
		for i := range 6 {
			ids = append(ids, say(t, r, ann, []string{"here", "there"}[i%2], fmt.Sprint(i)).ID)
		}
		part, err := r.ChatAfter(t.Context(), "here", 0, 100, 100)
		wantTexts(t, "all", part.Events, err, "member.joined ann", "0", "2", "4")
		if part.Through != 100 || part.Head != headOf(t, r) {
			t.Errorf("all of the chat reaches through %d at the head %d", part.Through, part.Head)
		}
		part, err = r.ChatAfter(t.Context(), "here", ids[0], ids[3], 100)
		wantTexts(t, "a part", part.Events, err, "2")
		part, err = r.ChatAfter(t.Context(), "here", 0, 100, 2)
		wantTexts(t, "the first", part.Events, err, "member.joined ann", "0")
		if part.Through != ids[0] || part.Head != headOf(t, r) {
			t.Errorf("two events of the chat reach through %d at the head %d", part.Through, part.Head)
		}
		part, err = r.MemberAfter(t.Context(), "ann", headOf(t, r), 0, ids[0], 100)
		if err != nil || part.Head != headOf(t, r) {
			t.Errorf("what ann is shown was read at the head %d, %v", part.Head, err)
		}
	})
}

func TestOpenReadsTheHeadAndTheRights(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		actors := signUp(t, r, "ann", "bob", "eve")
		makeChat(t, r, actors["ann"], "private", chat.Private, nil)
		makeChat(t, r, actors["ann"], "public", chat.Public, map[string]chat.Role{"bob": ""})
		makeChat(t, r, actors["ann"], "deleted", chat.Public, nil)
		if err := r.DeleteChat(t.Context(), actors["ann"], "deleted"); err != nil {
			t.Fatal(err)
		}
		head := headOf(t, r)
		for _, c := range []struct {
			who, chat string
			chats     string
			refusal   *chat.Error
		}{
			{"ann", "", "private public", nil}, {"bob", "", "public", nil}, {"eve", "", "", nil},
			{"ann", "private", "private", nil}, {"bob", "public", "public", nil},
			{"bob", "private", "", chat.ErrNotFound}, {"eve", "public", "", chat.ErrNotAMember},
			{"eve", "nowhere", "", chat.ErrNotFound}, {"ann", "deleted", "", chat.ErrNotFound},
		} {
			open, err := openOne(t, r, actors[c.who], c.chat)
			wantRefusal(t, err, c.refusal)
			if err == nil && (open.Head != head || strings.Join(open.Chats, " ") != c.chats) {
				t.Errorf("%s on %q: %+v", c.who, c.chat, open)
			}
		}
		if err := r.EndSession(t.Context(), actors["ann"].Session); err != nil {
			t.Fatal(err)
		}
		stolen := chat.Actor{Username: "eve", Session: actors["bob"].Session}
		for _, actor := range []chat.Actor{actors["ann"], stolen} {
			for _, id := range []string{"", "public", "nowhere"} {
				_, err := openOne(t, r, actor, id)
				wantRefusal(t, err, chat.ErrSessionEnded)
			}
		}
	})
}

// openOne opens one stream.
func openOne(t *testing.T, r *Repository, actor chat.Actor, chatID string) (chat.Opening, error) {
	t.Helper()
	answers, err := r.Open(t.Context(), []chat.OpeningRequest{{Actor: actor, Chat: chatID}})
	if err != nil {
		return chat.Opening{}, err
	}
	return answers[0], answers[0].Err
}

func TestManyOpeningsAreReadTogetherAndEachIsAnsweredForItself(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		actors := signUp(t, r, "ann", "bob", "eve")
		makeChat(t, r, actors["ann"], "private", chat.Private, nil)
		makeChat(t, r, actors["ann"], "public", chat.Public, map[string]chat.Role{"bob": ""})
		if err := r.EndSession(t.Context(), actors["eve"].Session); err != nil {
			t.Fatal(err)
		}
		head := headOf(t, r)
		cases := []struct {
			who, chat string
			chats     string
			refusal   *chat.Error
		}{
			{"ann", "", "private public", nil}, {"bob", "private", "", chat.ErrNotFound}, {"eve", "", "", chat.ErrSessionEnded},
			{"bob", "public", "public", nil}, {"eve", "public", "", chat.ErrSessionEnded}, {"ann", "", "private public", nil},
			{"bob", "", "public", nil}, {"ann", `a "quoted" \u0000 'name'`, "", chat.ErrNotFound}, {"ann", "private", "private", nil},
		}
		var requests []chat.OpeningRequest
		for range 100 {
			for _, c := range cases {
				requests = append(requests, chat.OpeningRequest{Actor: actors[c.who], Chat: c.chat})
			}
		}
		answers, err := r.Open(t.Context(), requests)
		if err != nil {
			t.Fatal(err)
		}
		for i, got := range answers {
			c := cases[i%len(cases)]
			wantRefusal(t, got.Err, c.refusal)
			if got.Err == nil && (got.Head != head || strings.Join(got.Chats, " ") != c.chats) {
				t.Fatalf("%d, %s on %q: %+v", i, c.who, c.chat, got)
			}
		}
	})
}

func TestAccessExpiriesNamesTheLiveSessions(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		actors := signUp(t, r, "ann", "bob", "eve")
		if err := r.EndSession(t.Context(), actors["bob"].Session); err != nil {
			t.Fatal(err)
		}
		if err := r.DisableUser(t.Context(), "eve"); err != nil {
			t.Fatal(err)
		}
		ask := make([]string, 5000) // the streams of a busy instance
		for i := range ask {
			ask[i] = fmt.Sprint("unknown ", i)
		}
		for i, name := range []string{"ann", "bob", "eve"} {
			ask[i*2000] = actors[name].Session
		}
		got, err := r.AccessExpiries(t.Context(), ask)
		if err != nil {
			t.Fatal(err)
		}
		if until, ok := got[actors["ann"].Session]; len(got) != 1 || !ok || time.Until(until) < time.Minute {
			t.Errorf("got %v", got)
		}
		if got, err := r.AccessExpiries(t.Context(), nil); err != nil || len(got) != 0 {
			t.Errorf("of none: %v, %v", got, err)
		}
	})
}

// Somebody may have removed a message's row by hand.
func TestAMessageWithoutItsRowIsAnEmptyOne(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		ann := signUp(t, r, "ann")["ann"]
		makeChat(t, r, ann, "den", chat.Private, nil)
		gone, kept := say(t, r, ann, "den", "one"), say(t, r, ann, "den", "two")
		fill(t, r, `DELETE FROM messages WHERE id = ?`, gone.ID)
		events, _, err := r.After(t.Context(), gone.ID-1, 10)
		if err != nil || len(events) != 2 {
			t.Fatal(events, err)
		}
		want := chat.Message{ID: gone.ID, Seq: gone.Seq, Chat: "den", CreatedAt: chat.TimeFromMilli(0)}
		if !reflect.DeepEqual(*events[0].Message, want) || !reflect.DeepEqual(*events[1].Message, kept) {
			t.Errorf("the messages are %+v and %+v", *events[0].Message, *events[1].Message)
		}
	})
}
