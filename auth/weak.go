package auth

import (
	_ "embed"
	"slices"
	"strings"
	"sync"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"parley/chat"
)

// CheckNewPassword says why a user may not take a password, or nil: it has to have the form
// of one, and must be neither the user's name nor one of the commonest passwords, which
// an attacker tries first. field names the part of the request that holds it.
// chat.ErrInvalid, chat.ErrWeakPassword.
func CheckNewPassword(field, password string, user chat.User) error {
	if err := checkPasswordAs(field, password); err != nil {
		return err
	}
	form := folded(password)
	switch {
	case form == folded(user.Username) || form == folded(user.DisplayName):
		return chat.WeakPassword(field, "must not be the user's name")
	case isCommon(form):
		return chat.WeakPassword(field, "is one of the commonest passwords")
	}
	return nil
}

// folded is the form in which passwords and names are compared, so that neither capitals nor
// another width of the same letters make a difference.
func folded(s string) string { return norm.NFKC.String(cases.Fold().String(norm.NFKC.String(s))) }

// commonestText is described in commonest/SOURCE.md.
//
//go:embed commonest/passwords.txt
var commonestText string

// commonest lists the commonest passwords in the order of their bytes.
var commonest = sync.OnceValue(func() []string { return strings.Fields(commonestText) })

func isCommon(form string) bool {
	_, found := slices.BinarySearch(commonest(), form)
	return found
}
