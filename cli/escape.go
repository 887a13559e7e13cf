package cli

import (
	"fmt"
	"strings"
	"unicode"
)

// obeyed says that a terminal does something at a character other than to show it: controls,
// separators of lines and paragraphs, and what turns the direction of text around, by which
// one text can be made to look like another.
func obeyed(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp, unicode.Bidi_Control)
}

// visible is a text of another user as a line of a terminal may show it.
func visible(s string) string {
	return escapeObeyed(s, func(r rune) string {
		switch {
		case r == '\t':
			return "\t"
		case r == '\n':
			return `\n`
		case r <= 0xff:
			return fmt.Sprintf(`\x%02x`, r)
		}
		return fmt.Sprintf(`\u%04x`, r)
	})
}

// visibleLines is a text of several lines. All lines but the first are indented, so that
// none looks like another message.
func visibleLines(s string) string {
	lines := strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n")
	for i, line := range lines {
		lines[i] = visible(line)
	}
	return strings.Join(lines, "\n      ")
}

// visibleJSON is JSON that says the same. All that is escaped can only be in a string.
func visibleJSON(data []byte) string {
	return escapeObeyed(string(data), func(r rune) string { return fmt.Sprintf(`\u%04x`, r) })
}

func escapeObeyed(s string, escape func(rune) string) string {
	if !strings.ContainsFunc(s, obeyed) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if obeyed(r) {
			b.WriteString(escape(r))
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}
