package handlers

import (
	_ "embed"
	"strings"
	"sync"

	"github.com/gin-gonic/gin"

	"parley/chat"
)

//go:generate sh -c "go run ./emojis >emojis.txt"

// allEmojis are the emojis of Unicode in their full form, one a line.
//
//go:embed emojis.txt
var allEmojis string

// emojiParam is the one emoji that a path names, in its full form: with the variation
// selectors that some keyboards leave out, so that nobody sees the same reaction twice.
func emojiParam(c *gin.Context) (string, error) {
	emoji, ok := fullEmojis()[withoutSelectors(c.Param("emoji"))]
	if !ok {
		return "", chat.Invalid("emoji", "must be one emoji of Unicode")
	}
	return emoji, nil
}

// fullEmojis are the emojis by their form without variation selectors.
var fullEmojis = sync.OnceValue(func() map[string]string {
	full := make(map[string]string)
	for emoji := range strings.SplitSeq(strings.TrimSpace(allEmojis), "\n") {
		full[withoutSelectors(emoji)] = emoji
	}
	return full
})

// withoutSelectors leaves out U+FE0F, which asks for the form of an emoji.
func withoutSelectors(s string) string { return strings.ReplaceAll(s, "\uFE0F", "") }
