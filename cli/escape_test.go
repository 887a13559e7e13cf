package cli

import (
	"encoding/json"
	"testing"
)

func TestNothingOfAnothersTextIsObeyed(t *testing.T) {
	for text, want := range map[string]string{
		"hello":                "hello",
		"tab\tstays":           "tab\tstays",
		"\x1b[2J\a\x7f":        `\x1b[2J\x07\x7f`,
		"\u0085\u009b31m":      `\x85\x9b31m`,
		"a\r\nb":               "a\n      b",
		"a\rb":                 `a\x0db`,
		"a\u2028b\u2029":       `a\u2028b\u2029`,
		"\u202eevil\u2066":     `\u202eevil\u2066`,
		"👩\u200d💻 stays whole": "👩\u200d💻 stays whole",
	} {
		if got := visibleLines(text); got != want {
			t.Errorf("%q is shown as %q, not as %q", text, got, want)
		}
		line, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		shown := visibleJSON(line)
		var back string
		if err := json.Unmarshal([]byte(shown), &back); err != nil || back != text {
			t.Errorf("%q becomes %s", text, shown)
		}
		for _, r := range shown {
			if obeyed(r) {
				t.Errorf("%q is shown as JSON with %q", text, r)
			}
		}
	}
}
