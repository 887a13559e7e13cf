package cli_test

import (
	"strings"
	"testing"
)

func TestTheGrammarAnswersWhatAWordMayBecome(t *testing.T) {
	for line, want := range map[string]string{
		"ta":                          "tail",
		"lo":                          "log login logout",
		"user d":                      "disable delete",
		"tail --co":                   "--color",
		"tail --color ":               "auto always never",
		"tail --color al":             "always",
		"tail lobby --co":             "--color",
		"wait --server x --ti":        "--timeout",
		"say --lis":                   "",
		"serve --ep":                  "--ephemeral",
		"--ephem":                     "--ephemeral",
		"completion ":                 "bash zsh fish",
		"completion f":                "fish",
		"remove":                      "",
		"nothing like it":             "",
		"wait --match user ":          "",
		"serve --streams auto --list": "--listen",
	} {
		printed := works(t, "", append([]string{"complete", "--"}, strings.Split(line, " ")...)...)
		var words []string
		for row := range strings.Lines(printed) {
			word, help, ok := strings.Cut(row, "\t")
			if !ok || strings.TrimSpace(help) == "" {
				t.Errorf("%q: no help in %q", line, row)
			}
			words = append(words, word)
		}
		if got := strings.Join(words, " "); got != want {
			t.Errorf("%q becomes %q, not %q", line, got, want)
		}
	}
}

func TestTheHelpOfAClientCommandLeavesTheServersSettingsOut(t *testing.T) {
	if help := works(t, "", "tail", "--help"); strings.Contains(help, "--listen") || !strings.Contains(help, "--server") {
		t.Errorf("%s", help)
	}
	if help := works(t, "", "user", "list", "--help"); !strings.Contains(help, "--data") {
		t.Errorf("%s", help)
	}
}
