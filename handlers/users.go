package handlers

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"parley/auth"
	"parley/chat"
	"parley/middleware"
)

func (a *api) signUp(c *gin.Context) error {
	var body struct {
		Username    string  `json:"username"`
		Password    string  `json:"password"`
		DisplayName *string `json:"display_name"`
		Invite      *string `json:"invite"`
		Bot         bool    `json:"bot"`
	}
	if err := decode(c, &body); err != nil {
		return err
	}
	displayName, displayNameErr := optional("display_name", body.DisplayName, "must not be empty")
	invite, inviteErr := optional("invite", body.Invite, "must not be empty")
	if err := chat.Checks(displayNameErr, inviteErr); err != nil {
		return err
	}
	asked := auth.SignUp{
		Username: body.Username, Password: body.Password, DisplayName: displayName, Invite: invite, Address: middleware.AddressOf(c),
	}
	if body.Bot {
		return a.makeUser(c, auth.MadeUser{SignUp: asked, Bot: true})
	}
	if invite == "" {
		err := a.maySignUp(c)
		if err != nil && a.hasCredential(c) {
			return a.makeUser(c, auth.MadeUser{SignUp: asked})
		}
		if err != nil {
			return err
		}
	}
	user, err := a.signUpAs(c, asked)
	if err != nil {
		return err
	}
	return writeJSON(c, http.StatusCreated, user)
}

// signUpAs makes a user. A code of an invite may be guessed.
func (a *api) signUpAs(c *gin.Context, asked auth.SignUp) (user chat.User, err error) {
	signUp := func() (err error) {
		user, err = a.Accounts.SignUp(c.Request.Context(), asked)
		return err
	}
	if asked.Invite == "" {
		return user, signUp()
	}
	err = guess(c, a.Rates.Invites, signUp)
	return user, err
}

// hasCredential says that the request may be an admin's.
func (a *api) hasCredential(c *gin.Context) bool {
	access, _ := a.Cookies.Tokens(c.Request)
	return access != "" || c.GetHeader("Authorization") != ""
}

// maySignUp refuses a request that may not make a user without an invite.
func (a *api) maySignUp(c *gin.Context) error {
	switch {
	case a.SignUps == SignUpsOpen:
		return nil
	case a.SignUps == SignUpsDirect && !middleware.WasForwarded(c):
		if err := a.Origins.CheckLocal(c.Request); err != nil {
			return err
		}
		// What is for this machine's users is not for the pages that they happen to visit.
		return a.Origins.Check(c.Request)
	}
	return middleware.ErrSignupClosed
}
