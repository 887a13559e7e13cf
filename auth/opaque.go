package auth

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// opaque is the one form of a password, whatever keyboard it was typed on: RFC 8265
// section 4.2 (OpaqueString), that is spaces of every kind as U+0020, and NFC. What
// that profile refuses beyond (unassigned characters, controls, ignorable ones such as
// an emoji's selector) is let through: the contract takes it. What is no UTF-8 is left
// for its check to refuse.
func opaque(password string) string {
	if !utf8.ValidString(password) {
		return password
	}
	return norm.NFC.String(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Zs, r) {
			return ' '
		}
		return r
	}, password))
}
