package handlers

import (
	"context"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gin-gonic/gin"

	"parley/chat"
	"parley/middleware"
	"parley/stream"
)

// slowRead is a chat with one message, which takes a second to be read by its id.
type slowRead struct {
	Streams
	chat.Messages
}

func (slowRead) Page(context.Context, *stream.Start, time.Duration) (stream.Page, error) {
	return stream.Page{Events: []stream.PageEvent{{Event: string(chat.KindMessage), ID: 7, Data: []byte(`{"id":7,"text":"built"}`)}}, Cursor: 7}, nil
}

func (slowRead) Message(context.Context, chat.Actor, int64) (chat.Message, error) {
	time.Sleep(time.Second)
	return chat.Message{ID: 7, Text: "built"}, nil
}

func TestAMessageThatIsReadBehindTheCredentialsEndIsNotAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for life, want := range map[time.Duration]int{1500 * time.Millisecond: 200, 500 * time.Millisecond: 204} {
			a := &api{Options{Streams: slowRead{}, Messages: slowRead{}}}
			engine := newEngine()
			engine.Use(middleware.Problems())
			engine.GET("/chats/:chat/wait", func(c *gin.Context) {
				middleware.SetActor(c, chat.Actor{Username: "ann", Expires: chat.NewTime(time.Now().Add(life))})
			}, step(a.waitForMessage))
			w := httptest.NewRecorder()
			engine.ServeHTTP(w, httptest.NewRequest("GET", "/chats/den/wait?match=built", nil))
			if w.Code != want {
				t.Errorf("a credential of %v: %d, want %d: %s", life, w.Code, want, w.Body)
			}
		}
	})
}
