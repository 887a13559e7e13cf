package handlers

import (
	"context"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/gin-gonic/gin"

	"parley/chat"
	"parley/middleware"
)

// deciding are signals and streams that note when they are asked who is present.
type deciding struct {
	chat.Signals
	Streams
	refusal error
	asked   []string
}

// decidingSignals and decidingStreams are the two sides of it, which have a method of one name.
type (
	decidingSignals struct{ *deciding }
	decidingStreams struct{ *deciding }
)

func (d decidingSignals) Present(_ context.Context, _ chat.Actor, _ string, here func() []string, _ chat.ListQuery) (page chat.Page[string], err error) {
	if d.asked = append(d.asked, "may"); d.refusal == nil {
		page.Items = here()
	}
	return page, d.refusal
}

func (d decidingStreams) Present(string) []string {
	d.asked = append(d.asked, "here")
	return []string{"ann"}
}

func TestStreamsAreAskedWhoIsPresentBehindTheDecision(t *testing.T) {
	for _, c := range []struct {
		path    string
		refusal error
		status  int
		asked   []string
	}{
		{"/chats/den/presence", nil, 200, []string{"may", "here"}},
		{"/chats/den/presence", chat.ErrNotAMember, 403, []string{"may"}},
		{"/chats/den/presence?limit=0", nil, 400, nil},
	} {
		d := &deciding{refusal: c.refusal}
		a := &api{Options{Signals: decidingSignals{d}, Streams: decidingStreams{d}}}
		engine := newEngine()
		engine.Use(middleware.Problems())
		engine.GET("/chats/:chat/presence", func(c *gin.Context) { c.Set(answerType, typeJSON) }, step(a.listPresent))
		w := httptest.NewRecorder()
		engine.ServeHTTP(w, httptest.NewRequest("GET", c.path, nil))
		if w.Code != c.status || !slices.Equal(d.asked, c.asked) {
			t.Errorf("%s: %d, asked %q; want %d, %q", c.path, w.Code, d.asked, c.status, c.asked)
		}
	}
}
