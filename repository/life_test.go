package repository

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/chat"
)

// jumpsOf reads the log's jumps.
func jumpsOf(t testing.TB, r *Repository) []chat.Jump {
	t.Helper()
	all, err := read(t.Context(), r, func(ctx context.Context, h handle) (all []chat.Jump, err error) {
		err = h.all(ctx, &all, `SELECT before, pos FROM jumps ORDER BY pos`)
		return all, err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestAnOrderlyRestartDoesNotJump(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		ann := signUp(t, r, "ann")["ann"]
		makeChat(t, r, ann, "den", chat.Private, nil)
		for range 3 {
			say(t, r, ann, "den", "hello")
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			r = s.open(t, func(o *Options) { o.Serve = true })
		}
		if all := jumpsOf(t, r); len(all) != 0 {
			t.Errorf("it jumped: %v", all)
		}
		if strings.HasPrefix(s.url, "sqlite:") { // a command beside the server
			say(t, s.open(t), ann, "den", "hello")
			if all := jumpsOf(t, r); len(all) != 0 {
				t.Errorf("a command beside the server jumped: %v", all)
			}
		}
		wantWholeLog(t, r)
	})
}

func TestASecondInstanceDoesNotJump(t *testing.T) {
	t.Parallel()
	s := freshStore(t, "postgres")
	r := s.open(t)
	ann := signUp(t, r, "ann")["ann"]
	makeChat(t, r, ann, "den", chat.Private, nil)
	again := s.open(t)
	say(t, again, ann, "den", "hello")
	if all := jumpsOf(t, r); len(all) != 0 {
		t.Errorf("it jumped: %v", all)
	}
}

func TestADatabaseWithAnotherIdentityJumpsOnce(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		ann := signUp(t, r, "ann")["ann"]
		makeChat(t, r, ann, "den", chat.Private, nil)
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		r = s.open(t)
		head := headOf(t, r)
		fill(t, r, `UPDATE life SET identity = 'another'`)
		if r.file != nil { // what an orderly close would put right
			r.file.known = false
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		r = s.open(t)
		all := jumpsOf(t, r)
		if len(all) != 1 || all[0].Before != head || all[0].Pos != headOf(t, r) {
			t.Fatalf("the jumps are %v, the head was %d", all, head)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if again := jumpsOf(t, s.open(t)); !slices.Equal(again, all) {
			t.Errorf("it jumped again: %v", again)
		}
	})
}

// A jump leaves out some 10^15 positions. Whatever walks along the log has to step over
// them, and what counts in windows of positions must not walk through empty ones.
func TestWhatWalksAlongTheLogStepsOverAJump(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r := s.open(t)
		as := signUp(t, r, "ann", "bob")
		ann, bob := as["ann"], as["bob"]
		makeChat(t, r, ann, "den", chat.Private, map[string]chat.Role{"bob": chat.RoleMember})
		fillChat(t, r, "den", "ann", countAfter+100)
		said := say(t, r, ann, "den", "before")
		j, err := r.Jump(t.Context())
		if err != nil || j.Before != said.ID || j.Pos < time.Now().Add(-time.Hour).UnixMicro() {
			t.Fatalf("the jump is %v, %v", j, err)
		}
		if next := say(t, r, ann, "den", "behind"); next.ID != j.Pos+1 || next.Seq != said.Seq+1 {
			t.Errorf("behind the jump comes %d with seq %d, behind %d", next.ID, next.Seq, said.Seq)
		}
		fillChat(t, r, "den", "ann", countAfter+100)
		last := say(t, r, bob, "den", "last")
		head := headOf(t, r)

		var own []chat.Event
		calls := 0
		for after := said.ID - 1; after < head; calls++ {
			part, err := r.MemberAfter(t.Context(), "bob", head, after, head, 1000)
			if err != nil || part.Through <= after {
				t.Fatalf("through %d, %v", part.Through, err)
			}
			if j.Lost(part.Through) {
				t.Errorf("a read reaches %d, which the jump to %d left out", part.Through, j.Pos)
			}
			own, after = append(own, part.Events...), part.Through
		}
		if n := len(own); own[0].Pos != said.ID || own[n-1].Pos != last.ID || n != countAfter+103 || calls > 5 {
			t.Errorf("a reader over all chats was shown %d events in %d calls", n, calls)
		}
		part, err := r.ChatAfter(t.Context(), "den", said.ID-1, head, 3)
		events := part.Events
		if err != nil || len(events) != 3 || events[0].Pos != said.ID || events[1].Pos != j.Pos+1 {
			t.Errorf("a reader of the chat was shown %v, %v", events, err)
		}
		logged, _, err := r.After(t.Context(), said.ID, 2)
		if err != nil || len(logged) != 2 || logged[0].Kind != chat.KindJump || logged[0].Pos != j.Pos || logged[0].Before != j.Before || logged[0].Chat != "" {
			t.Errorf("the log goes on with %v, %v", logged, err)
		}
		eventually(t, "counted", func() bool { return head-number(t, r, `SELECT pos FROM counted`) <= countAfter })
		wantWholeLog(t, r)

		for _, chatID := range []string{"den", ""} {
			answers, err := r.Open(t.Context(), []chat.OpeningRequest{{Actor: ann, Chat: chatID}, {Actor: bob, Chat: chatID}})
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range answers {
				if o.Err != nil || o.Head != head || !slices.Equal(o.Jumps, []chat.Jump{j}) {
					t.Errorf("a stream of %q opens with %+v", chatID, o)
				}
			}
		}
		second, err := r.Jump(t.Context())
		if err != nil || second.Before != head || second.Pos <= head {
			t.Fatalf("the second jump is %v, %v", second, err)
		}
		answers, err := r.Open(t.Context(), []chat.OpeningRequest{{Actor: ann}})
		if err != nil || !slices.Equal(answers[0].Jumps, []chat.Jump{j, second}) {
			t.Errorf("behind a second jump: %+v, %v", answers, err)
		}
	})
}

func TestAJumpLeadsBehindTheClockOrFarAhead(t *testing.T) {
	t.Parallel()
	const now = 1_800_000_000_000_000
	for _, c := range []struct{ before, want int64 }{
		{1, now}, {now - 1, now}, {now, now + jumpLeast}, {now + 5, now + 5 + jumpLeast},
	} {
		if pos, err := jumpTo(now, c.before); pos != c.want || err != nil {
			t.Errorf("from %d to %d, %v; want %d", c.before, pos, err, c.want)
		}
	}
	if pos, err := jumpTo(now, maxJump-5); err == nil {
		t.Errorf("positions end with %d", pos)
	}
}
