// Command emojis writes the emojis of Unicode in their full form, one a line, from the list of
// a library. The list alone takes ten milliseconds of every start of a program that links it,
// so the program reads this file instead, and only when a reaction comes.
//
//	go run ./emojis >emojis.txt
package main

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/forPelevin/gomoji"
)

func main() {
	if _, err := os.Stdout.WriteString(strings.Join(emojis(), "\n") + "\n"); err != nil {
		fmt.Fprintln(os.Stderr, "emojis:", err)
		os.Exit(1)
	}
}

// selector is U+FE0F, which asks for the form of an emoji.
const selector = "\uFE0F"

// versioned are the names of Unicode's own emojis, which begin with their version. The list
// has other pictures as well.
var versioned = regexp.MustCompile(`^E[0-9]+\.[0-9]+ `)

// emojis are those of Unicode in their full form, which is the one with the most selectors
// (UTS #51, ED-18).
func emojis() []string {
	full := make(map[string]string)
	for _, e := range gomoji.AllEmojis() {
		if !versioned.MatchString(e.UnicodeName) || strings.HasPrefix(e.Character, selector) {
			continue // the latter are slips: the list has them without it as well
		}
		bare := strings.ReplaceAll(e.Character, selector, "")
		if len(e.Character) > len(full[bare]) {
			full[bare] = e.Character
		}
	}
	list := make([]string, 0, len(full))
	for bare, emoji := range full {
		// Of some the list knows the full form only to look it up.
		if _, err := gomoji.GetInfo(bare + selector); emoji == bare && err == nil {
			emoji = bare + selector
		}
		list = append(list, emoji)
	}
	slices.Sort(list)
	return list
}
