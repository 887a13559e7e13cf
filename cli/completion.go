package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// completionScripts ask `parley complete` at each completion, so that what can be said stands
// in one place: the grammar.
var completionScripts = map[string]string{
	"bash": `# Put into ~/.bashrc:  source <(parley completion bash)
_parley() {
    local IFS=$'\n'
    COMPREPLY=($(parley complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | cut -f 1))
}
complete -o default -F _parley parley
`,
	"zsh": `#compdef parley
# Put into ~/.zshrc, behind compinit:  source <(parley completion zsh)
_parley() {
    local line
    local -a found
    for line in "${(@f)$(parley complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
        [[ -n $line ]] && found+=("${line%%$'\t'*}:${line#*$'\t'}")
    done
    if (( $#found )); then
        _describe parley found
    else
        _files
    fi
}
compdef _parley parley
`,
	"fish": `# Put into ~/.config/fish/completions/parley.fish
function __parley_complete
    set -l words (commandline -opc) (commandline -ct)
    parley complete -- $words[2..] 2>/dev/null
end
complete -c parley -n 'test -n "(__parley_complete)"' -f -a '(__parley_complete)'
`,
}

// Run prints a shell's script.
func (cmd completionCommand) Run(std streams) error {
	_, err := fmt.Fprint(std.out, completionScripts[cmd.Shell])
	return err
}

// completeCommand answers the scripts.
type completeCommand struct {
	Words []string `arg:"" optional:"" passthrough:""`
}

// Run prints what the last of some words may become, a line each, with a tab and a help
// behind it. The words are those behind the program's name.
func (cmd completeCommand) Run(std streams, ctx *kong.Context) error {
	words := cmd.Words
	if len(words) > 0 && words[0] == "--" {
		words = words[1:]
	}
	if len(words) == 0 {
		words = []string{""}
	}
	for _, c := range completions(ctx.Model.Node, words) {
		if _, err := fmt.Fprintf(std.out, "%s\t%s\n", c.word, c.help); err != nil {
			return err
		}
	}
	return nil
}

type completion struct{ word, help string }

// completions are what the last word may become.
func completions(app *kong.Node, words []string) []completion {
	typed := words[len(words)-1]
	at := position{node: app}
	for _, w := range words[:len(words)-1] {
		at.pass(w)
	}
	return slices.DeleteFunc(at.candidates(strings.HasPrefix(typed, "-")), func(c completion) bool {
		return !strings.HasPrefix(c.word, typed)
	})
}

// position is where in the grammar a command line has come to.
type position struct {
	node *kong.Node
	// waiting is a flag whose value is the next word.
	waiting *kong.Flag
	// arguments counts those of the command that have been passed.
	arguments int
}

// pass goes on behind a word.
func (p *position) pass(word string) {
	if p.waiting != nil {
		p.waiting = nil
		return
	}
	if strings.HasPrefix(word, "-") {
		for _, flag := range p.flags() {
			if named(flag, word) && !flag.IsBool() {
				p.waiting = flag
			}
		}
		return
	}
	for _, child := range p.node.Children {
		if child.Name == word {
			p.node, p.arguments = child, 0
			return
		}
	}
	p.arguments++
}

func named(flag *kong.Flag, word string) bool {
	return word == "--"+flag.Name || flag.Short != 0 && word == "-"+string(flag.Short)
}

// flags are those that may stand here.
func (p *position) flags() []*kong.Flag {
	hideSettings(p.node)
	var flags []*kong.Flag
	for _, group := range p.node.AllFlags(true) {
		flags = append(flags, group...)
	}
	if p.node.DefaultCmd != nil {
		flags = append(flags, p.node.DefaultCmd.Flags...)
	}
	return flags
}

// candidates are all words that may stand here.
func (p *position) candidates(flag bool) []completion {
	switch {
	case p.waiting != nil:
		return ofEnum(p.waiting.Value)
	case flag:
		var found []completion
		for _, f := range p.flags() {
			found = append(found, completion{"--" + f.Name, firstSentence(f.Help)})
		}
		return found
	case p.arguments < len(p.node.Positional):
		return ofEnum(p.node.Positional[p.arguments])
	}
	var found []completion
	for _, child := range p.node.Children {
		if !child.Hidden {
			found = append(found, completion{child.Name, firstSentence(child.Help)})
		}
	}
	return found
}

func ofEnum(v *kong.Value) []completion {
	if v.Enum == "" {
		return nil
	}
	var found []completion
	for _, word := range v.EnumSlice() {
		found = append(found, completion{word, v.Name})
	}
	return found
}

// firstSentence keeps a help short enough for a list.
func firstSentence(help string) string {
	if i := strings.IndexAny(help, ".;:"); i > 0 {
		return help[:i]
	}
	return help
}
