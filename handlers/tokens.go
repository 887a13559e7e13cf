package handlers

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"parley/auth"
	"parley/chat"
)

// The routes of one's own script tokens and those of a bot's differ in their path alone.

// createToken makes a token. This answer alone shows it.
func (a *api) createToken(c *gin.Context) error {
	bot, err := botParam(c)
	if err != nil {
		return err
	}
	var body chat.TokenRequest
	if err := decode(c, &body); err != nil {
		return err
	}
	asked, err := body.Read()
	if err != nil {
		return err
	}
	secret := auth.NewScriptToken()
	token, err := a.Scripts.CreateToken(c.Request.Context(), actorOf(c), bot, secret, asked)
	if err != nil {
		return err
	}
	return writeJSON(c, http.StatusCreated, struct {
		chat.Token
		Text string `json:"token"`
	}{token, secret.Text()})
}

func (a *api) listTokens(c *gin.Context) error {
	bot, err := botParam(c)
	if err != nil {
		return err
	}
	q := queryOf(c)
	asked := q.list(chat.CheckTokenID)
	if err := q.err(); err != nil {
		return err
	}
	page, err := a.Scripts.Tokens(c.Request.Context(), actorOf(c), bot, asked)
	if err != nil {
		return err
	}
	linkNext(c, asked, page, func(t chat.Token) string { return t.ID })
	return writeJSON(c, http.StatusOK, struct {
		Tokens []chat.Token `json:"tokens"`
	}{page.Items})
}

func (a *api) revokeToken(c *gin.Context) error {
	bot, err := botParam(c)
	if err != nil {
		return err
	}
	id := c.Param("id")
	if chat.CheckTokenID(id) != nil {
		return chat.ErrNotFound
	}
	if err := a.Scripts.RevokeToken(c.Request.Context(), actorOf(c), bot, id); err != nil {
		return err
	}
	return writeNothing(c)
}

// botParam is the bot that the path names; empty where it names none.
func botParam(c *gin.Context) (string, error) {
	bot, named := c.Params.Get("username")
	if named && chat.CheckUsername(bot) != nil {
		return "", chat.ErrNotFound
	}
	return bot, nil
}
