package need

import (
	"testing"

	"parley/e2e/need/machine"
)

// Nginx returns the path of an nginx.
func Nginx(t testing.TB) string { t.Helper(); return program(t, "nginx", machine.Nginx) }

// HAProxy returns the path of an HAProxy.
func HAProxy(t testing.TB) string { t.Helper(); return program(t, "HAProxy", machine.HAProxy) }

// Caddy returns the path of a Caddy.
func Caddy(t testing.TB) string { t.Helper(); return program(t, "Caddy", machine.Caddy) }

// Bash returns the path of a bash.
func Bash(t testing.TB) string { t.Helper(); return program(t, "bash", machine.Bash) }

// Zsh returns the path of a zsh.
func Zsh(t testing.TB) string { t.Helper(); return program(t, "zsh", machine.Zsh) }

// Fish returns the path of a fish.
func Fish(t testing.TB) string { t.Helper(); return program(t, "fish", machine.Fish) }

// Node returns the path of a Node.js, and NPM that of npm.
func Node(t testing.TB) string { t.Helper(); return program(t, "Node.js", machine.Node) }
func NPM(t testing.TB) string  { t.Helper(); return program(t, "npm", machine.NPM) }

func program(t testing.TB, name string, look func() (string, bool)) string {
	t.Helper()
	LeaveOutIfShort(t, name)
	path, ok := look()
	if !ok {
		missing(t, name)
	}
	return path
}
