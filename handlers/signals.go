package handlers

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"parley/chat"
	"parley/stream"
)

func (a *api) signalTyping(c *gin.Context) error {
	chatID, err := chatParam(c)
	if err != nil {
		return err
	}
	if err := decode(c, &struct{}{}); err != nil {
		return err
	}
	actor := actorOf(c)
	head, err := a.Signals.AdmitTyping(c.Request.Context(), actor, chatID)
	if err != nil {
		return err
	}
	a.Streams.Signal(stream.Signal{Kind: chat.SignalTyping, Chat: chatID, Username: actor.Username, At: head})
	return writeNothing(c)
}

func (a *api) markRead(c *gin.Context) error {
	chatID, err := chatParam(c)
	if err != nil {
		return err
	}
	var body struct {
		ID *int64 `json:"id"`
	}
	if err := decode(c, &body); err != nil {
		return err
	}
	if body.ID == nil || *body.ID < 1 || *body.ID > chat.MaxPosition {
		return chat.ErrBadMark
	}
	actor := actorOf(c)
	marked, err := a.Signals.MarkRead(c.Request.Context(), actor, chatID, *body.ID)
	if err != nil {
		return err
	}
	if marked.Moved {
		a.Streams.Signal(stream.Signal{Kind: chat.SignalRead, Chat: chatID, Username: actor.Username, ID: *body.ID, At: marked.Head})
	}
	return writeNothing(c)
}

func (a *api) listMarkers(c *gin.Context) error {
	chatID, err := chatParam(c)
	if err != nil {
		return err
	}
	q := queryOf(c)
	asked := q.list(chat.CheckAnyUsername)
	if err := q.err(); err != nil {
		return err
	}
	page, err := a.Signals.Markers(c.Request.Context(), actorOf(c), chatID, asked)
	if err != nil {
		return err
	}
	linkNext(c, asked, page, func(m chat.Marker) string { return m.Username })
	return writeJSON(c, http.StatusOK, struct {
		Markers []chat.Marker `json:"markers"`
	}{page.Items})
}

func (a *api) listPresent(c *gin.Context) error {
	chatID, err := chatParam(c)
	if err != nil {
		return err
	}
	q := queryOf(c)
	asked := q.list(chat.CheckAnyUsername)
	if err := q.err(); err != nil {
		return err
	}
	page, err := a.Signals.Present(c.Request.Context(), actorOf(c), chatID, a.Streams.Present(chatID), asked)
	if err != nil {
		return err
	}
	linkNext(c, asked, page, func(username string) string { return username })
	return writeJSON(c, http.StatusOK, struct {
		Present []string `json:"present"`
	}{page.Items})
}
