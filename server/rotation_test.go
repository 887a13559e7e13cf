package server_test

import (
	"os"
	"path/filepath"
	"testing"

	"parley/server"
)

const nextSecret = "fedcba9876543210-the-secret-that-follows"

func TestChangingTheSecretEndsNoSession(t *testing.T) {
	t.Parallel()
	for name, way := range map[string]struct {
		first server.Settings
		// next changes the secret, where it is in a file or in the settings.
		next func(data string, s *server.Settings) error
		// last forgets the first secret.
		last func(data string, s *server.Settings) error
	}{
		"by settings": {
			server.Settings{JWTSecret: secret},
			func(_ string, s *server.Settings) error {
				s.JWTSecret, s.JWTPreviousSecret = nextSecret, secret
				return nil
			},
			func(_ string, s *server.Settings) error { s.JWTPreviousSecret = ""; return nil },
		},
		"by the file's name": {
			server.Settings{},
			func(data string, _ *server.Settings) error {
				return os.Rename(filepath.Join(data, "secret.key"), filepath.Join(data, "secret.previous.key"))
			},
			func(data string, _ *server.Settings) error {
				return os.Remove(filepath.Join(data, "secret.previous.key"))
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data, settings := t.TempDir(), way.first
			start := func() *house {
				return open(t, func(s *server.Settings) {
					s.Data, s.JWTSecret, s.JWTPreviousSecret = data, settings.JWTSecret, settings.JWTPreviousSecret
				}, forPages)
			}
			h := start()
			h.user("ann")
			before := h.logIn("ann")
			unused, used := "/stream?ticket="+h.ticket("/stream", bearer(before.Token)), "/stream?ticket="+h.ticket("/stream", bearer(before.Token))
			cookie := h.kept(used)
			h.drained()

			if err := way.next(data, &settings); err != nil {
				t.Fatal(err)
			}
			h = start()
			h.do("GET", "/me", "", bearer(before.Token)...).want(200)
			h.follow(unused, fromPages...).until("event: ready")
			h.follow(used, with(fromPages, "Cookie", cookie)...).until("event: ready")
			var after login
			h.do("POST", "/refresh", `{"refresh_token":"`+before.RefreshToken+`"}`, "Content-Type", asJSON).want(200).into(&after)
			h.do("GET", "/me", "", bearer(after.Token)...).want(200)
			h.drained()

			if err := way.last(data, &settings); err != nil {
				t.Fatal(err)
			}
			h = start()
			h.do("GET", "/me", "", bearer(before.Token)...).refused(401, "invalid_token")
			h.opensNothing(used, with(fromPages, "Cookie", cookie)...)
			h.do("GET", "/me", "", bearer(after.Token)...).want(200)
			h.do("POST", "/refresh", `{"refresh_token":"`+after.RefreshToken+`"}`, "Content-Type", asJSON).want(200)
		})
	}
}
