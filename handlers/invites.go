package handlers

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"parley/chat"
)

func (a *api) createInvite(c *gin.Context) error {
	var body struct {
		Uses      *int64  `json:"uses"`
		ExpiresIn *string `json:"expires_in"`
		Chat      *string `json:"chat"`
	}
	if err := decode(c, &body); err != nil {
		return err
	}
	asked := chat.NewInvite{Uses: 1, Life: chat.DefaultInviteLife}
	if body.Uses != nil {
		asked.Uses = *body.Uses
	}
	if body.ExpiresIn != nil {
		asked.Life, _ = time.ParseDuration(*body.ExpiresIn) // none is refused by Check
	}
	var chatErr error
	asked.Chat, chatErr = optional("chat", body.Chat, "must not be empty")
	if err := chat.Checks(asked.Check(), chatErr); err != nil {
		return err
	}
	if asked.Chat != "" {
		if _, err := existingChat(asked.Chat); err != nil {
			return err
		}
	}
	invite, err := a.Invites.CreateInvite(c.Request.Context(), actorOf(c), asked)
	if err != nil {
		return err
	}
	return writeJSON(c, http.StatusCreated, invite)
}

func (a *api) listInvites(c *gin.Context) error {
	q := queryOf(c)
	asked := q.list(chat.CheckInviteCode)
	if err := q.err(); err != nil {
		return err
	}
	page, err := a.Invites.Invites(c.Request.Context(), actorOf(c), asked)
	if err != nil {
		return err
	}
	linkNext(c, asked, page, func(i chat.Invite) string { return i.Code })
	return writeJSON(c, http.StatusOK, struct {
		Invites []chat.Invite `json:"invites"`
	}{page.Items})
}

func (a *api) revokeInvite(c *gin.Context) error {
	code := c.Param("code")
	if err := chat.CheckInviteCode(code); err != nil {
		return err
	}
	if err := a.Invites.RevokeInvite(c.Request.Context(), actorOf(c), code); err != nil {
		return err
	}
	return writeNothing(c)
}

func (a *api) useInvite(c *gin.Context) error {
	code := c.Param("code")
	if err := chat.CheckInviteCode(code); err != nil {
		return err
	}
	var ch chat.Chat
	err := guess(c, a.Rates.Invites, func() (err error) {
		ch, err = a.Invites.UseInvite(c.Request.Context(), actorOf(c), code)
		return err
	})
	if err != nil {
		return err
	}
	return writeJSON(c, http.StatusOK, ch)
}
