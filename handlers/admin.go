package handlers

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"parley/auth"
	"parley/chat"
	"parley/middleware"
)

func (a *api) listUsers(c *gin.Context) error {
	q := queryOf(c)
	asked := chat.UserQuery{ListQuery: q.list(chat.CheckAnyUsername), Prefix: q.text("q")}
	if asked.Prefix != "" && chat.CheckAnyUsername(strings.TrimSuffix(asked.Prefix, "@")) != nil {
		q.refuse("q", "must be the beginning of a username")
	}
	if err := q.err(); err != nil {
		return err
	}
	page, err := a.Administration.ListUsers(c.Request.Context(), actorOf(c), asked)
	if err != nil {
		return err
	}
	linkNext(c, asked.ListQuery, page, func(u chat.User) string { return u.Username })
	return writeJSON(c, http.StatusOK, struct {
		Users []chat.User `json:"users"`
	}{page.Items})
}

func (a *api) readUser(c *gin.Context) error {
	username, err := userParam(c)
	if err != nil {
		return err
	}
	user, err := a.Administration.ReadUser(c.Request.Context(), actorOf(c), username)
	if err != nil {
		return err
	}
	return writeJSON(c, http.StatusOK, user)
}

func (a *api) updateUser(c *gin.Context) error {
	username, err := userParam(c)
	if err != nil {
		return err
	}
	var body struct {
		Disabled    *bool   `json:"disabled"`
		Admin       *bool   `json:"admin"`
		DisplayName *string `json:"display_name"`
	}
	if err := decode(c, &body); err != nil {
		return err
	}
	change := chat.UserChange{Disabled: body.Disabled, Admin: body.Admin, DisplayName: body.DisplayName}
	if err := change.Check(); err != nil {
		return err
	}
	user, err := a.Administration.UpdateUser(c.Request.Context(), actorOf(c), username, change)
	if err != nil {
		return err
	}
	return writeJSON(c, http.StatusOK, user)
}

func (a *api) setPassword(c *gin.Context) error {
	username, err := userParam(c)
	if err != nil {
		return err
	}
	var body struct {
		NewPassword string `json:"new_password"`
	}
	if err := decode(c, &body); err != nil {
		return err
	}
	err = a.Accounts.SetPassword(c.Request.Context(), actorOf(c), auth.PasswordSetting{
		Username: username, NewPassword: body.NewPassword, Address: middleware.AddressOf(c),
	})
	if err != nil {
		return err
	}
	return writeNothing(c)
}

func (a *api) deleteUser(c *gin.Context) error {
	username, err := userParam(c)
	if err != nil {
		return err
	}
	var body struct {
		EraseMessages bool `json:"erase_messages"`
	}
	if err := decode(c, &body); err != nil {
		return err
	}
	if err := a.Administration.CloseAccount(c.Request.Context(), actorOf(c), username, body.EraseMessages); err != nil {
		return err
	}
	return writeNothing(c)
}

// makeUser makes a user on behalf of an admin, for whom POST /users asks for no credential of
// its own accord.
func (a *api) makeUser(c *gin.Context, u auth.MadeUser) error {
	a.Tokens.Authenticate()(c)
	if c.IsAborted() { // it has answered
		return nil
	}
	actor := actorOf(c)
	if err := actor.Covers(chat.MakeUsers, ""); err != nil {
		return err
	}
	user, err := a.Accounts.MakeUser(c.Request.Context(), actor, u)
	if err != nil {
		return err
	}
	return writeJSON(c, http.StatusCreated, user)
}
