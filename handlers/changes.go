package handlers

import (
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"parley/chat"
)

func (a *api) editMessage(c *gin.Context) error {
	id, err := messageParam(c)
	if err != nil {
		return err
	}
	var body struct {
		Text string `json:"text"`
	}
	if err := decode(c, &body); err != nil {
		return err
	}
	if err := chat.CheckText(body.Text); err != nil {
		return err
	}
	m, err := a.Messages.EditMessage(c.Request.Context(), actorOf(c), id, body.Text, preconditionOf(c.Request.Header))
	if err != nil {
		return err
	}
	return answerMessage(c, m)
}

func (a *api) deleteMessage(c *gin.Context) error {
	id, err := messageParam(c)
	if err != nil {
		return err
	}
	if err := a.Messages.DeleteMessage(c.Request.Context(), actorOf(c), id, preconditionOf(c.Request.Header)); err != nil {
		return err
	}
	return writeNothing(c)
}

func (a *api) addReaction(c *gin.Context) error    { return a.react(c, true) }
func (a *api) removeReaction(c *gin.Context) error { return a.react(c, false) }

func (a *api) react(c *gin.Context, on bool) error {
	id, err := messageParam(c)
	if err != nil {
		return err
	}
	emoji, err := emojiParam(c)
	if err != nil {
		return err
	}
	m, err := a.Messages.React(c.Request.Context(), actorOf(c), id, emoji, on)
	if err != nil {
		return err
	}
	return answerMessage(c, m)
}

func (a *api) replies(c *gin.Context) error {
	id, err := messageParam(c)
	if err != nil {
		return err
	}
	asked, err := historyQuery(c)
	if err != nil {
		return err
	}
	replies, err := a.Messages.Replies(c.Request.Context(), actorOf(c), id, asked)
	if err != nil {
		return err
	}
	return answerHistory(c, "/messages/"+strconv.FormatInt(id, 10)+"/replies", asked, replies)
}

// answerMessage answers with a message as it is now.
func answerMessage(c *gin.Context, m chat.Message) error {
	c.Header("ETag", versionTag(m.Version()))
	return writeJSON(c, http.StatusOK, m)
}
