package server

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"parley/handlers"
)

// Welcome tells whoever started the server where it is and where its data is;
// and while nobody has signed up and he may, what to paste to begin. The first
// line is "parley listening on" and the address as a URL. Where w does not take it the
// server serves all the same, and its log says so.
func (s *Server) Welcome(w io.Writer) {
	scheme, at, everywhere := s.reached()
	var b strings.Builder
	fmt.Fprintf(&b, "parley listening on %s://%s\n", scheme, at)
	if everywhere {
		b.WriteString("on every address of this machine\n")
	}
	if s.metricsListener != nil {
		metricsAt, _ := reachable(s.metricsListener.Addr(), s.plan.metricsListen)
		fmt.Fprintf(&b, "metrics on http://%s/metrics\n", metricsAt)
	}
	fmt.Fprintf(&b, "data in %s\n", s.plan.where())
	if s.plan.signUps != handlers.SignUpsClosed && s.nobodyYet() {
		b.WriteString(firstSteps(at, scheme == "https"))
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		s.log.Warn("nobody was told where the server listens", "error", err)
	}
}

// URL is where a client on this machine finds the server.
func (s *Server) URL() string {
	scheme, at, _ := s.reached()
	return scheme + "://" + at
}

// reached is how a client on this machine reaches the server: the scheme, and the address
// with the base path.
func (s *Server) reached() (scheme, at string, everywhere bool) {
	scheme = "http"
	if s.plan.certificate != nil {
		scheme = "https"
	}
	at, everywhere = reachable(s.Addr(), s.plan.listen)
	return scheme, at + s.plan.basePath, everywhere
}

// reachable is an address to which a client on this machine can connect: one that
// listens everywhere names no such address itself. asked is what was set, because
// Go listens for both families where it is told 0.0.0.0, and then says "[::]".
func reachable(addr net.Addr, asked string) (at string, everywhere bool) {
	ap, err := netip.ParseAddrPort(addr.String())
	if err != nil || !ap.Addr().IsUnspecified() {
		return addr.String(), false
	}
	loopback := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	if strings.HasPrefix(asked, "[") {
		loopback = netip.IPv6Loopback()
	}
	return netip.AddrPortFrom(loopback, ap.Port()).String(), true
}

// where says where the data is, without a password.
func (p plan) where() string {
	if path, ok := strings.CutPrefix(p.database, "sqlite:"); ok {
		return path
	}
	if p.database != "" {
		u, err := url.Parse(p.database)
		if err != nil {
			return "PostgreSQL"
		}
		return "PostgreSQL, " + u.Host + u.Path
	}
	if folder, err := filepath.Abs(p.data); err == nil {
		return folder
	}
	return p.data
}

// nobodyYet says that there is no user. Where that cannot be told, somebody is
// there: the steps for the first one are left out.
func (s *Server) nobodyYet() bool {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	some, err := s.repository.HasUsers(ctx)
	return err == nil && !some
}

// firstSteps are lines to paste as they are, in bash, zsh, fish and PowerShell.
// What is said between them stands on lines of its own: not every shell takes a
// comment behind a command.
//
// On Windows it is curl.exe: an older PowerShell takes curl for a command of its own.
//
// Over TLS curl is told not to check the certificate: hardly any is for the
// address of the own machine that stands here, and signed by somebody it knows.
func firstSteps(at string, overTLS bool) string {
	curl, paste := "curl ", "or paste:"
	if runtime.GOOS == "windows" {
		curl = "curl.exe "
	}
	if overTLS {
		curl, paste = curl+"-k ", "or paste (-k takes the certificate unchecked):"
		at = "https://" + at
	}
	to := func(path string) string { return quote(at + path) }
	return strings.Join([]string{
		"",
		"Nobody has signed up yet. Open the address in a browser, " + paste,
		"",
		curl + to("/users") + " -d username=ann -d password=correct-horse",
		curl + to("/login") + " -d username=ann -d password=correct-horse -d cookie=true -c ann.jar",
		curl + to("/chats") + " -b ann.jar -d id=lobby",
		curl + "-N " + to("/chats/lobby/stream") + " -b ann.jar",
		"",
		"and in a second terminal, in the same folder:",
		"",
		curl + to("/chats/lobby/messages") + " -b ann.jar -d hello",
		"",
	}, "\n")
}

// quote puts single quotes, which mean the same to all those shells, around an
// argument with a character that one of them would touch: the brackets of an
// IPv6 address.
func quote(s string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:/-_"
	if strings.Trim(s, plain) == "" {
		return s
	}
	return "'" + s + "'"
}
