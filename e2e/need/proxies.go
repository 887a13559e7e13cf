package need

import (
	"testing"

	"parley/e2e/need/machine"
)

// Nginx returns the path of an nginx.
func Nginx(t testing.TB) string { t.Helper(); return proxy(t, "nginx", machine.Nginx) }

// HAProxy returns the path of an HAProxy.
func HAProxy(t testing.TB) string { t.Helper(); return proxy(t, "HAProxy", machine.HAProxy) }

// Caddy returns the path of a Caddy.
func Caddy(t testing.TB) string { t.Helper(); return proxy(t, "Caddy", machine.Caddy) }

func proxy(t testing.TB, name string, look func() (string, bool)) string {
	t.Helper()
	LeaveOutIfShort(t, name)
	path, ok := look()
	if !ok {
		missing(t, name)
	}
	return path
}
