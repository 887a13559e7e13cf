package handlers

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"parley/auth"
	"parley/chat"
	"parley/middleware"
)

func (a *api) signUp(c *gin.Context) error {
	if a.SignUps == SignUpsClosed || a.SignUps == SignUpsDirect && middleware.WasForwarded(c) {
		return middleware.ErrSignupClosed
	}
	var body struct {
		Username    string  `json:"username"`
		Password    string  `json:"password"`
		DisplayName *string `json:"display_name"`
	}
	if err := decode(c, &body); err != nil {
		return err
	}
	asked := auth.SignUp{Username: body.Username, Password: body.Password}
	problems := []error{chat.CheckUsername(body.Username), chat.CheckPassword(body.Password)}
	if body.DisplayName != nil {
		asked.DisplayName = *body.DisplayName
		problems = append(problems, chat.CheckDisplayName(asked.DisplayName))
	}
	if err := checks(problems...); err != nil {
		return err
	}
	user, err := a.Accounts.SignUp(c.Request.Context(), asked)
	if err != nil {
		return err
	}
	return writeJSON(c, http.StatusCreated, user)
}

func (a *api) me(c *gin.Context) error {
	user, err := a.Users.User(c.Request.Context(), actorOf(c))
	if err != nil {
		return err
	}
	return writeJSON(c, http.StatusOK, user)
}
