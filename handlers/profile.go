package handlers

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"parley/auth"
	"parley/chat"
	"parley/middleware"
)

func (a *api) me(c *gin.Context) error {
	user, err := a.Users.User(c.Request.Context(), actorOf(c))
	if err != nil {
		return err
	}
	return writeJSON(c, http.StatusOK, user)
}

func (a *api) changeMe(c *gin.Context) error {
	var body struct {
		DisplayName *string `json:"display_name"`
	}
	if err := decode(c, &body); err != nil {
		return err
	}
	if body.DisplayName == nil {
		return a.me(c)
	}
	if err := chat.CheckDisplayName(*body.DisplayName); err != nil {
		return err
	}
	user, err := a.Users.ChangeOwnUser(c.Request.Context(), actorOf(c), *body.DisplayName)
	if err != nil {
		return err
	}
	return writeJSON(c, http.StatusOK, user)
}

func (a *api) changePassword(c *gin.Context) error {
	var body struct {
		Password    string `json:"password"`
		NewPassword string `json:"new_password"`
	}
	if err := decode(c, &body); err != nil {
		return err
	}
	if err := chat.Checks(required("password", body.Password), required("new_password", body.NewPassword)); err != nil {
		return err
	}
	asking := actorOf(c)
	err := a.attempt(c, asking.Username, asking.Session, func() error {
		return a.Accounts.ChangePassword(c.Request.Context(), asking, auth.PasswordChange{
			Password: body.Password, NewPassword: body.NewPassword, Address: middleware.AddressOf(c),
		})
	})
	if err != nil {
		return err
	}
	return writeNothing(c)
}

func (a *api) closeAccount(c *gin.Context) error {
	var body struct {
		Password      string `json:"password"`
		EraseMessages bool   `json:"erase_messages"`
	}
	if err := decode(c, &body); err != nil {
		return err
	}
	if err := required("password", body.Password); err != nil {
		return err
	}
	asking := actorOf(c)
	err := a.attempt(c, asking.Username, asking.Session, func() error {
		return a.Accounts.CloseAccount(c.Request.Context(), asking, auth.Closing{
			Password: body.Password, EraseMessages: body.EraseMessages, Address: middleware.AddressOf(c),
		})
	})
	if err != nil {
		return err
	}
	a.Cookies.Clear(c)
	return writeNothing(c)
}

func (a *api) listSessions(c *gin.Context) error {
	q := queryOf(c)
	asked := q.list(checkSessionID)
	if err := q.err(); err != nil {
		return err
	}
	page, err := a.Users.Sessions(c.Request.Context(), actorOf(c), asked)
	if err != nil {
		return err
	}
	linkNext(c, asked, page, func(s chat.Session) string { return s.ID })
	return writeJSON(c, http.StatusOK, struct {
		Sessions []chat.Session `json:"sessions"`
	}{page.Items})
}

func (a *api) endSession(c *gin.Context) error {
	id := c.Param("session")
	if checkSessionID(id) != nil {
		return chat.ErrNotFound
	}
	if err := a.Users.EndOwnSession(c.Request.Context(), actorOf(c), id); err != nil {
		return err
	}
	return writeNothing(c)
}

func (a *api) endOtherSessions(c *gin.Context) error {
	if err := a.Users.EndOtherSessions(c.Request.Context(), actorOf(c)); err != nil {
		return err
	}
	return writeNothing(c)
}

// checkSessionID keeps what cannot be the id of a session from the store.
func checkSessionID(id string) error {
	if !auth.IsSessionID(id) {
		return chat.Invalid("id", "must be the id of a session")
	}
	return nil
}
