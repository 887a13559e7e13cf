package handlers

import (
	"context"

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
	return listUsersOf(c, "markers", func(m chat.Marker) string { return m.Username }, a.Signals.Markers)
}

func (a *api) listPresent(c *gin.Context) error {
	return listUsersOf(c, "present", func(username string) string { return username },
		func(ctx context.Context, actor chat.Actor, chatID string, q chat.ListQuery) (chat.Page[string], error) {
			here := func() []string { return a.Streams.Present(chatID) }
			return a.Signals.Present(ctx, actor, chatID, here, q)
		})
}
