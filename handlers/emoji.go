package handlers

import (
	"regexp"
	"strings"
	"sync"

	"github.com/forPelevin/gomoji"
	"github.com/gin-gonic/gin"

	"parley/chat"
)

// emojiParam is the one emoji that a path names, in its full form: with the variation
// selectors that some keyboards leave out, so that nobody sees the same reaction twice.
func emojiParam(c *gin.Context) (string, error) {
	emoji, ok := fullEmojis()[withoutSelectors(c.Param("emoji"))]
	if !ok {
		return "", chat.Invalid("emoji", "must be one emoji of Unicode")
	}
	return emoji, nil
}

// fullEmojis are the emojis of Unicode by their form without variation selectors.
var fullEmojis = sync.OnceValue(func() map[string]string {
	full := make(map[string]string)
	for _, e := range gomoji.AllEmojis() {
		// The list has more than Unicode's emojis, which it names with their version (E0.6),
		// and slips, which it has without the selector in front as well.
		if !versioned.MatchString(e.UnicodeName) || strings.HasPrefix(e.Character, selector) {
			continue
		}
		bare := withoutSelectors(e.Character)
		// The full form is the one with the most selectors (UTS #51, ED-18).
		if len(e.Character) > len(full[bare]) {
			full[bare] = e.Character
		}
	}
	for bare, emoji := range full {
		// Of some the list knows the full form only to look it up.
		if _, err := gomoji.GetInfo(bare + selector); emoji == bare && err == nil {
			full[bare] = bare + selector
		}
	}
	return full
})

var versioned = regexp.MustCompile(`^E[0-9]+\.[0-9]+ `)

// selector is U+FE0F, which asks for the form of an emoji.
const selector = "\uFE0F"

func withoutSelectors(s string) string { return strings.ReplaceAll(s, selector, "") }
