package handlers

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"parley/auth"
	"parley/middleware"
)

func (a *api) signUp(c *gin.Context) error {
	if err := a.maySignUp(c); err != nil {
		return err
	}
	var body struct {
		Username    string  `json:"username"`
		Password    string  `json:"password"`
		DisplayName *string `json:"display_name"`
	}
	if err := decode(c, &body); err != nil {
		return err
	}
	displayName, err := optional("display_name", body.DisplayName, "must not be empty")
	if err != nil {
		return err
	}
	user, err := a.Accounts.SignUp(c.Request.Context(), auth.SignUp{
		Username: body.Username, Password: body.Password, DisplayName: displayName, Address: middleware.AddressOf(c),
	})
	if err != nil {
		return err
	}
	return writeJSON(c, http.StatusCreated, user)
}

// maySignUp refuses a request that may not make a user.
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
