package middleware

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// logTime is how slog's text handler writes a time.
const logTime = "2006-01-02T15:04:05.000Z07:00"

// appendLogText appends a value as slog's text handler writes it: quoted where it
// could be taken for something else.
func appendLogText(line []byte, s string) []byte {
	if isLogWord(s) {
		return append(line, s...)
	}
	return strconv.AppendQuote(line, s)
}

// isLogWord says that s is one word that no reader of the line mistakes.
func isLogWord(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r == '"' || r == '=' || r == utf8.RuneError || unicode.IsSpace(r) || !unicode.IsPrint(r)
	})
}
