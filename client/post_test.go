package client

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"parley/chat"
)

// posted is what came to POST /messages.
type posted struct {
	mu     sync.Mutex
	bodies []map[string]any
}

func (p *posted) add(body map[string]any) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bodies = append(p.bodies, body)
	return len(p.bodies)
}

func (p *posted) all() []map[string]any {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.bodies)
}

// posts answers POST /messages in turn, and keeps what was posted.
func (s *service) posts(scripts ...func(http.ResponseWriter)) *posted {
	var kept posted
	s.HandleFunc("POST /messages", func(w http.ResponseWriter, r *http.Request) {
		var body map[string]any
		json.NewDecoder(r.Body).Decode(&body)
		if origin := r.Header.Get("X-Origin"); origin != "" {
			body["X-Origin"] = origin
		}
		scripts[kept.add(body)-1](w)
	})
	return &kept
}

func stored(status int) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		if status == 200 {
			w.Header().Set("Idempotency-Replayed", "true")
		}
		answer(w, status, chat.Message{ID: 7, Seq: 3, Chat: "lobby", Author: "ann", Text: "hello"})
	}
}

func TestAPostIsRepeatedUnderOneKeyUntilItIsAnswered(t *testing.T) {
	s := newService(t)
	bodies := s.posts(
		func(w http.ResponseWriter) { panic(http.ErrAbortHandler) },
		func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "3")
			refuse(w, 503, chat.ErrUnavailable)
		},
		func(w http.ResponseWriter) { w.WriteHeader(502) },
		func(w http.ResponseWriter) { refuse(w, 429, chat.ErrBusy) },
		func(w http.ResponseWriter) { // an answer that breaks off
			w.Header().Set("Content-Length", "1000")
			w.Write([]byte(`{"id":7`))
		},
		stored(200),
	)
	posted, err := s.client.Post(testContext(t), chat.Post{Chat: "lobby", Text: "hello"})
	if err != nil || !posted.Replayed || posted.Message.ID != 7 {
		t.Fatalf("%+v, %v", posted, err)
	}
	key := bodies.all()[0]["client_id"].(string)
	if made, err := uuid.Parse(key); err != nil || made.Version() != 7 {
		t.Errorf("key %q begins with no time", key)
	}
	for _, b := range bodies.all() {
		if b["client_id"] != key || b["chat"] != "lobby" || b["text"] != "hello" || len(b) != 3 {
			t.Errorf("%v", b)
		}
	}
	waits := s.waits.all()
	if len(waits) != 5 || waits[1] < 3*time.Second || waits[0] > time.Second {
		t.Errorf("waits %v", waits)
	}
}

func TestAPostKeepsWhatItsCallerGave(t *testing.T) {
	s := newService(t)
	bodies := s.posts(stored(201))
	posted, err := s.client.Post(testContext(t), chat.Post{Chat: "lobby", Text: "hello", ReplyTo: 5, ClientID: "mine", Origin: "tab-1"})
	if err != nil || posted.Replayed || posted.Message.Text != "hello" {
		t.Fatalf("%+v, %v", posted, err)
	}
	b := bodies.all()[0]
	if b["client_id"] != "mine" || b["reply_to"] != 5.0 || b["X-Origin"] != "tab-1" {
		t.Errorf("%v", b)
	}
}

func TestAPostThatIsRefusedIsNotRepeated(t *testing.T) {
	for status, refusal := range map[int]*chat.Error{403: chat.ErrNotAMember, 422: chat.ErrIdempotencyMismatch, 400: chat.Invalid("text", "must not be empty")} {

		t.Run(string(refusal.Code), func(t *testing.T) {
			s := newService(t)
			bodies := s.posts(func(w http.ResponseWriter) { refuse(w, status, refusal) })
			if _, err := s.client.Post(testContext(t), chat.Post{Chat: "lobby", Text: "hello"}); !errors.Is(err, refusal) || len(bodies.all()) != 1 {
				t.Errorf("%v after %d posts", err, len(bodies.all()))
			}
		})
	}
}

func TestTheEndOfTheContextEndsAPostAndTellsWhatItWaitedFor(t *testing.T) {
	s := newService(t)
	ctx, cancel := context.WithCancel(t.Context())
	s.posts(func(w http.ResponseWriter) { refuse(w, 503, chat.ErrUnavailable) })
	s.client.pause = func(ctx context.Context, _ time.Duration) error { cancel(); return ctx.Err() }
	_, err := s.client.Post(ctx, chat.Post{Chat: "lobby", Text: "hello"})
	if !errors.Is(err, context.Canceled) || !errors.Is(err, chat.ErrUnavailable) {
		t.Error(err)
	}
}

func TestAPostOutlivesARenewalThatFails(t *testing.T) {
	s := newService(t)
	a := s.accounts(time.Hour)
	a.before = func(n int64) {
		if n <= 3 {
			panic(http.ErrAbortHandler)
		}
	}
	bodies := s.posts(
		func(w http.ResponseWriter) { refuse(w, 401, unauthenticated) },
		func(w http.ResponseWriter) { refuse(w, 401, unauthenticated) },
		stored(201),
	)
	s.logIn(t)
	if _, err := s.client.Post(testContext(t), chat.Post{Chat: "lobby", Text: "hello"}); err != nil {
		t.Fatal(err)
	}
	if len(bodies.all()) != 3 || bodies.all()[0]["client_id"] != bodies.all()[2]["client_id"] {
		t.Errorf("%v", bodies.all())
	}
}

func TestATextThatIsNoUTF8IsNotSent(t *testing.T) {
	s := newService(t)
	bodies := s.posts()
	if _, err := s.client.Post(testContext(t), chat.Post{Chat: "lobby", Text: "\xff"}); err == nil || len(bodies.all()) != 0 {
		t.Errorf("%v, %d posts", err, len(bodies.all()))
	}
}
