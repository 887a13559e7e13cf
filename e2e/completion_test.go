package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"parley/e2e/need"
)

// TestShellsComplete has each shell load its script and complete a line. bash and zsh are
// called as they call it themselves, because they complete on a terminal alone.
func TestShellsComplete(t *testing.T) {
	t.Parallel()
	for program, script := range map[string]string{
		need.Bash(t): `source <(parley completion bash)
			COMP_WORDS=(parley tail --co) COMP_CWORD=2; _parley; echo "${COMPREPLY[@]}"
			COMP_WORDS=(parley lo) COMP_CWORD=1; _parley; echo "${COMPREPLY[@]}"`,
		need.Zsh(t): `compdef() { }
			_describe() { print -- "${(@P)2%%:*}" }
			source <(parley completion zsh)
			words=(parley tail --co) CURRENT=3; _parley
			words=(parley lo) CURRENT=2; _parley`,
		need.Fish(t): `parley completion fish | source
			complete -C 'parley tail --co' | string split -f1 \t | string join ' '
			complete -C 'parley lo' | string split -f1 \t | string join ' '`,
	} {
		t.Run(filepath.Base(program), func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(program, "-c", script)
			cmd.Env = append(cleanEnvironment(), "PATH="+filepath.Dir(binary(t))+string(os.PathListSeparator)+os.Getenv("PATH"), "HOME="+t.TempDir())
			out, err := cmd.CombinedOutput()
			if got := strings.TrimSpace(string(out)); err != nil || got != "--color\nlog login logout" {
				t.Errorf("%v: %q", err, got)
			}
		})
	}
}
