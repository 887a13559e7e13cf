package handlers

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"parley/auth"
	"parley/chat"
	"parley/middleware"
)

func (a *api) logIn(c *gin.Context) error {
	var body struct {
		Username string `json:"username"`
		Password string `json:"password"`
		Cookie   bool   `json:"cookie"`
	}
	if err := decode(c, &body); err != nil {
		return err
	}
	if err := chat.Checks(required("username", body.Username), required("password", body.Password)); err != nil {
		return err
	}
	if err := a.mayGiveTokens(c, body.Cookie); err != nil {
		return err
	}
	var login chat.Login
	err := a.attempt(c, body.Username, "", func() (err error) {
		login, err = a.Accounts.LogIn(c.Request.Context(), auth.SignIn{
			Username: body.Username, Password: body.Password, Address: middleware.AddressOf(c),
			UserAgent: c.Request.UserAgent(), SeenAt: middleware.FullAddressOf(c),
		})
		return err
	})
	if err != nil {
		return err
	}
	return a.giveTokens(c, login, body.Cookie)
}

// refresh takes the refresh token from the body, else from its cookie, and
// answers where it came from.
func (a *api) refresh(c *gin.Context) error {
	var body struct {
		RefreshToken string `json:"refresh_token"`
	}
	if err := decode(c, &body); err != nil {
		return err
	}
	token, byCookie := body.RefreshToken, false
	if token == "" {
		token, byCookie = a.Cookies.Refresh(c.Request)
	}
	if err := required("refresh_token", token); err != nil {
		return err
	}
	if err := a.mayGiveTokens(c, byCookie); err != nil {
		return err
	}
	login, err := a.Accounts.Refresh(c.Request.Context(), token)
	if err != nil {
		return err
	}
	return a.giveTokens(c, login, byCookie)
}

// mayGiveTokens refuses, before anything is given, what could not be answered,
// and cookies to a foreign page: it could sign its visitor in as somebody else.
func (a *api) mayGiveTokens(c *gin.Context, cookies bool) error {
	switch {
	case !cookies:
		return nil
	case wantsText(c): // the token alone, which is to be in no body
		return notAcceptable(inJSON)
	}
	return a.Origins.Check(c.Request)
}

// giveTokens answers with both tokens in the body, or both in cookies.
func (a *api) giveTokens(c *gin.Context, login chat.Login, cookies bool) error {
	if cookies {
		a.Cookies.Set(c, login)
		login.Token, login.TokenType, login.RefreshToken = "", "", ""
	}
	if wantsText(c) {
		return writeText(c, http.StatusOK, login.Token)
	}
	return writeJSON(c, http.StatusOK, login)
}

// guardBystander refuses a change from a foreign page that carries a cookie
// where none is asked for.
func (a *api) guardBystander(c *gin.Context) error {
	if !a.Cookies.Count(c.Request) {
		return nil
	}
	return a.Origins.Check(c.Request)
}

func required(field, value string) error {
	if value == "" {
		return chat.Invalid(field, "must not be empty")
	}
	return nil
}
