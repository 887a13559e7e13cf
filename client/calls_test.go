package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"parley/chat"
)

func TestEachCallIsTheRequestOfTheContract(t *testing.T) {
	title, open := "T", chat.Public
	five := int64(5)
	for _, c := range []struct {
		want   string // method, target and body
		answer string
		call   func(context.Context, *Client) (any, error)
		value  string
	}{
		{`POST /chats {"id":"lobby","title":"T","visibility":"public"}`, `{"id":"lobby"}`,
			func(ctx context.Context, c *Client) (any, error) {
				ch, err := c.CreateChat(ctx, chat.NewChat{ID: "lobby", Title: "T", Visibility: chat.Public})
				return ch.ID, err
			}, "lobby"},
		{`POST /chats {}`, `{"id":"made-up"}`,
			func(ctx context.Context, c *Client) (any, error) {
				ch, err := c.CreateChat(ctx, chat.NewChat{})
				return ch.ID, err
			}, "made-up"},
		{`GET /chats?limit=500 `, `{"chats":[{"id":"a"},{"id":"b"}]}`,
			func(ctx context.Context, c *Client) (any, error) {
				list, err := c.Chats(ctx)
				return list[1].ID, err
			}, "b"},
		{`GET /chats?limit=500&visibility=public `, `{"chats":[{"id":"a","role":null}]}`,
			func(ctx context.Context, c *Client) (any, error) {
				list, err := c.PublicChats(ctx)
				return list[0].Role == nil, err
			}, "true"},
		{`GET /chats/lobby `, `{"id":"lobby","role":"owner","head":9,"unread":2,"last_message":{"id":9,"text":"hello"},"created_at":"2026-01-02T03:04:05.678Z"}`,
			func(ctx context.Context, c *Client) (any, error) {
				ch, err := c.Chat(ctx, "lobby")
				return fmt.Sprint(*ch.Role, ch.Head, *ch.Unread, ch.Last().Text, ch.CreatedAt), err
			}, "owner9 2hello2026-01-02T03:04:05.678Z"},
		{`PATCH /chats/lobby {"title":"T","visibility":"public"}`, `{"title":"T"}`,
			func(ctx context.Context, c *Client) (any, error) {
				ch, err := c.UpdateChat(ctx, "lobby", chat.ChatChange{Title: &title, Visibility: &open})
				return ch.Title, err
			}, "T"},
		{`DELETE /chats/lobby `, ``,
			func(ctx context.Context, c *Client) (any, error) { return nil, c.DeleteChat(ctx, "lobby") }, "<nil>"},
		{`GET /chats/lobby/members?limit=500 `, `{"members":[{"username":"bob","display_name":"Bob","role":"admin","joined_at":"2026-01-02T03:04:05.678Z"}]}`,
			func(ctx context.Context, c *Client) (any, error) {
				list, err := c.Members(ctx, "lobby")
				return fmt.Sprint(list[0].Username, list[0].Role), err
			}, "bobadmin"},
		{`PUT /chats/lobby/members/bob {"role":"admin"}`, `{"username":"bob","role":"admin"}`,
			func(ctx context.Context, c *Client) (any, error) {
				m, err := c.PutMember(ctx, "lobby", "bob", chat.RoleAdmin)
				return m.Role, err
			}, "admin"},
		{`PUT /chats/lobby/members/ann {}`, `{"username":"ann","role":"member"}`,
			func(ctx context.Context, c *Client) (any, error) {
				m, err := c.PutMember(ctx, "lobby", "ann", "")
				return m.Role, err
			}, "member"},
		{`DELETE /chats/a%2Fb%3F/members/%C3%A4 `, ``,
			func(ctx context.Context, c *Client) (any, error) { return nil, c.RemoveMember(ctx, "a/b?", "ä") }, "<nil>"},
		{`GET /messages/7 `, `{"id":7,"reply_to":5}`,
			func(ctx context.Context, c *Client) (any, error) {
				m, err := c.Message(ctx, 7)
				return m.ReplyTo, err
			}, "5"},
		{`GET /chats/lobby/messages `, `{"messages":[{"id":7}],"cursor":9}`,
			func(ctx context.Context, c *Client) (any, error) {
				h, err := c.History(ctx, "lobby", chat.HistoryQuery{})
				return fmt.Sprint(len(h.Messages), h.Cursor), err
			}, "1 9"},
		{`GET /chats/lobby/messages?before=5&limit=2 `, `{"messages":[],"cursor":4}`,
			func(ctx context.Context, c *Client) (any, error) {
				h, err := c.History(ctx, "lobby", chat.HistoryQuery{Before: &five, Limit: 2})
				return h.Cursor, err
			}, "4"},
	} {
		t.Run(c.want, func(t *testing.T) {
			s := newService(t)
			s.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				if got := r.Method + " " + r.RequestURI + " " + string(body); got != c.want {
					t.Errorf("%s", got)
				}
				if (len(body) > 0) != (r.Header.Get("Content-Type") == "application/json") {
					t.Errorf("Content-Type %q for a body of %d bytes", r.Header.Get("Content-Type"), len(body))
				}
				io.WriteString(w, c.answer)
			})
			got, err := c.call(testContext(t), s.client)
			if err != nil || fmt.Sprint(got) != c.value {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
}

func TestTheHistorySaysWhetherThereIsMore(t *testing.T) {
	s := newService(t)
	s.HandleFunc("GET /chats/lobby/messages", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("before") != "" {
			w.Header().Add("Link", `</chats/lobby/messages?limit=50&before=3>; rel="prev", </chats/lobby/messages?limit=50&after=9>; rel="next"`)
		}
		answer(w, 200, chat.History{Cursor: 9})
	})
	newest, err := s.client.History(testContext(t), "lobby", chat.HistoryQuery{})
	if err != nil || newest.Earlier || newest.Later {
		t.Errorf("%+v, %v", newest, err)
	}
	ten := int64(10)
	part, err := s.client.History(testContext(t), "lobby", chat.HistoryQuery{Before: &ten})
	if err != nil || !part.Earlier || !part.Later {
		t.Errorf("%+v, %v", part, err)
	}
}

func TestAListIsReadToItsLastPage(t *testing.T) {
	s := newService(t)
	list := func(name, path string, element func(int) string) {
		s.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			from, _ := strconv.Atoi(r.URL.Query().Get("after"))
			if from < 3 { // the last page is empty
				w.Header().Set("Link", fmt.Sprintf(`<%s?after=%d&limit=500>; rel="next"`, path, from+1))
				fmt.Fprintf(w, `{%q:[%s]}`, name, element(from+1))
				return
			}
			fmt.Fprintf(w, `{%q:[]}`, name)
		})
	}
	list("chats", "/chats", func(n int) string { return fmt.Sprintf(`{"id":"%d"}`, n) })
	list("members", "/chats/lobby/members", func(n int) string { return fmt.Sprintf(`{"username":"%d"}`, n) })
	var got []string
	chats, err := s.client.Chats(testContext(t))
	for _, ch := range chats {
		got = append(got, ch.ID)
	}
	if want := []string{"1", "2", "3"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("chats %q, %v; want %q", got, err, want)
	}
	got = nil
	members, err := s.client.Members(testContext(t), "lobby")
	for _, m := range members {
		got = append(got, m.Username)
	}
	if want := []string{"1", "2", "3"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("members %q, %v; want %q", got, err, want)
	}
}

func TestAllMessagesComeOnceInOrder(t *testing.T) {
	const most = chat.MaxHistory
	for name, sizes := range map[string][]int64{
		"none":              {0},
		"one":               {1},
		"a whole page":      {most},
		"one more":          {most, 1},
		"three whole pages": {most, most, most},
		"short pages":       {1, 50, 0, 3, 7},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t)
			var asked int
			var total int64
			s.HandleFunc("GET /chats/lobby/messages", func(w http.ResponseWriter, r *http.Request) {
				if want := fmt.Sprintf("after=%d&limit=%d", total, most); r.URL.RawQuery != want && asked == 0 {
					t.Errorf("asked for %s, want %s", r.URL.RawQuery, want)
				}
				if want := fmt.Sprint("part=", asked); r.URL.RawQuery != want && asked > 0 {
					t.Errorf("asked for %s, want %s", r.URL.RawQuery, want)
				}
				part := chat.History{Messages: []chat.Message{}}
				for range sizes[asked] {
					total++
					part.Messages = append(part.Messages, chat.Message{ID: total})
				}
				if asked++; asked < len(sizes) {
					w.Header().Add("Link", fmt.Sprintf(`</prefix/messages?before=1>; rel="prev", </prefix/messages?part=%d>; rel="next"`, asked))
				}
				answer(w, 200, part)
			})
			var n int64
			for m, err := range s.client.Messages(testContext(t), "lobby", 0) {
				if n++; err != nil || m.ID != n {
					t.Fatalf("message %d, %v; want %d", m.ID, err, n)
				}
			}
			if n != total || asked != len(sizes) {
				t.Errorf("%d messages of %d in %d pages of %d", n, total, asked, len(sizes))
			}
		})
	}
}

func TestListsOfManyPagesAreWhole(t *testing.T) {
	s := newService(t)
	list := func(field, id string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			page, _ := strconv.Atoi(r.URL.Query().Get("after"))
			if page < 3 {
				w.Header().Add("Link", fmt.Sprintf(`<%s?after=%d&visibility=%s>; title="a, b"; rel=next`, r.URL.Path, page+1, r.URL.Query().Get("visibility")))
			}
			answer(w, 200, map[string]any{field: []map[string]string{{id: fmt.Sprint(r.URL.Query().Get("visibility"), page)}}})
		}
	}
	s.HandleFunc("GET /chats", list("chats", "id"))
	s.HandleFunc("GET /chats/lobby/members", list("members", "username"))
	chats, err := s.client.Chats(testContext(t))
	if err != nil || len(chats) != 4 || chats[3].ID != "3" {
		t.Errorf("%+v, %v", chats, err)
	}
	public, err := s.client.PublicChats(testContext(t))
	if err != nil || len(public) != 4 || public[3].ID != "public3" {
		t.Errorf("%+v, %v", public, err)
	}
	members, err := s.client.Members(testContext(t), "lobby")
	if err != nil || len(members) != 4 || members[3].Username != "3" {
		t.Errorf("%+v, %v", members, err)
	}
}

func TestALinkThatLeadsBackIsAnError(t *testing.T) {
	s := newService(t)
	s.HandleFunc("GET /chats/lobby/messages", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Link", `<`+r.RequestURI+`>; rel="next"`)
		answer(w, 200, chat.History{})
	})
	for _, err := range s.client.Messages(testContext(t), "lobby", 7) {
		if !errors.Is(err, errCircle) {
			t.Error(err)
		}
	}
}

func TestAnErrorIsTheLastOfAllMessages(t *testing.T) {
	s := newService(t)
	s.HandleFunc("GET /chats/lobby/messages", func(w http.ResponseWriter, r *http.Request) { refuse(w, 404, chat.ErrNotFound) })
	var errs []error
	for _, err := range s.client.Messages(testContext(t), "lobby", 0) {
		errs = append(errs, err)
	}
	if len(errs) != 1 || !errors.Is(errs[0], chat.ErrNotFound) {
		t.Error(errs)
	}
}

func TestAProblemIsKnownByItsCode(t *testing.T) {
	s := newService(t)
	s.HandleFunc("GET /me", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "7")
		refuse(w, 400, chat.Invalid("text", "must not be empty"))
	})
	_, err := s.client.Me(testContext(t))
	p, ok := errors.AsType[*Problem](err)
	if !ok || p.Status != 400 || p.Code != "invalid_request" || p.RequestID != "r-1" || p.RetryAfter != 7*time.Second ||
		len(p.Fields) != 1 || p.Fields[0].Field != "text" {
		t.Fatalf("%+v", p)
	}
	if !errors.Is(err, chat.ErrInvalid) || errors.Is(err, chat.ErrNotFound) {
		t.Error("compares by something else")
	}
	want := "GET /me: 400 invalid_request: The request is not valid. text: must not be empty. (request r-1)"
	if err.Error() != want {
		t.Errorf("%q, want %q", err, want)
	}
}

func TestARefusalThatIsNotParleysHasNoCode(t *testing.T) {
	s := newService(t)
	s.HandleFunc("GET /me", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Retry-After", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
		w.WriteHeader(404)
		io.WriteString(w, `{"code":"not_found"}`)
	})
	_, err := s.client.Me(testContext(t))
	p, ok := errors.AsType[*Problem](err)
	if !ok || p.Code != "" || p.Status != 404 || errors.Is(err, chat.ErrNotFound) || errors.Is(err, &chat.Error{}) {
		t.Errorf("%+v", p)
	}
	if p.RetryAfter < 59*time.Minute || p.RetryAfter > time.Hour {
		t.Errorf("Retry-After as a date: %v", p.RetryAfter)
	}
}
