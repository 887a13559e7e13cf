package server_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

type sessions struct {
	Sessions []struct {
		ID        string    `json:"id"`
		Current   bool      `json:"current"`
		CreatedAt time.Time `json:"created_at"`
		LastUsed  time.Time `json:"last_used_at"`
		ExpiresAt time.Time `json:"expires_at"`
		UserAgent string    `json:"user_agent"`
		Address   string    `json:"address"`
	} `json:"sessions"`
}

func TestADisplayNameIsChangedByItsUser(t *testing.T) {
	t.Parallel()
	h := open(t)
	ann := h.user("ann")
	h.do("PATCH", "/me", `{"display_name":"Ann Ü."}`, with(ann, "Content-Type", asJSON)...).want(200)
	if got := h.do("GET", "/me", "", ann...).want(200).body; !strings.Contains(got, `"display_name":"Ann Ü."`) {
		t.Errorf("the user is %s", got)
	}
	h.do("PATCH", "/me", `{}`, with(ann, "Content-Type", asJSON)...).want(200)
	for _, bad := range []string{"", strings.Repeat("n", 65), "a\x00b"} {
		body, err := json.Marshal(map[string]string{"display_name": bad})
		if err != nil {
			t.Fatal(err)
		}
		h.do("PATCH", "/me", string(body), with(ann, "Content-Type", asJSON)...).refused(400, "invalid_request", "display_name")
	}
	h.do("PATCH", "/me", `{"username":"bob"}`, with(ann, "Content-Type", asJSON)...).refused(400, "invalid_request")
}

func TestAPasswordChangeEndsEveryOtherSession(t *testing.T) {
	t.Parallel()
	h := open(t)
	ann := h.user("ann")
	other := bearer(h.logIn("ann").Token)
	h.chat("den", ann)
	here, there := h.follow("/chats/den/stream", ann...), h.follow("/chats/den/stream", other...)
	here.until("event: ready")
	there.until("event: ready")
	const next = "a new horse and battery"
	h.secrets = append(h.secrets, next)
	change := func(from, to string) answer {
		return h.do("PUT", "/me/password", fmt.Sprintf(`{"password":%q,"new_password":%q}`, from, to), with(ann, "Content-Type", asJSON)...)
	}
	change("not the password", next).refused(403, "wrong_password")
	change(password, "short").refused(400, "invalid_request", "new_password")
	change(password, "").refused(400, "invalid_request", "new_password")
	h.do("GET", "/me", "", other...).want(200)

	change(password, next).want(204)
	there.until(`"reason":"revoked"`)
	h.do("GET", "/me", "", other...).refused(401, "session_ended")
	h.do("GET", "/me", "", ann...).want(200)
	h.say("den", "still here", ann)
	here.until("still here")
	h.do("POST", "/login", "username=ann&password="+password, "Content-Type", asForm).refused(401, "invalid_credentials")
	h.do("POST", "/login", "username=ann&password="+next, "Content-Type", asForm, "Accept", "text/plain").want(200)
}

func TestSessionsAreListedAndEnded(t *testing.T) {
	t.Parallel()
	h := open(t)
	ann, bob := h.user("ann"), h.user("bob")
	var lamp login
	h.do("POST", "/login", "username=ann&password="+password, "Content-Type", asForm, "User-Agent", "a lamp/1.0").want(200).into(&lamp)
	h.secrets = append(h.secrets, lamp.Token, lamp.RefreshToken)
	third := bearer(h.logIn("ann").Token)
	h.chat("den", ann)
	here, thirds := h.follow("/stream", ann...), h.follow("/stream", third...)
	lampsOne, lampsAll := h.follow("/chats/den/stream", bearer(lamp.Token)...), h.follow("/stream", bearer(lamp.Token)...)
	for _, s := range []*stream{here, thirds, lampsOne, lampsAll} {
		s.until("event: ready")
	}

	list := func(query string, who []string) (s sessions, next string) {
		a := h.do("GET", "/me/sessions"+query, "", who...).want(200)
		a.into(&s)
		return s, a.header.Get("Link")
	}
	all, _ := list("", ann)
	if len(all.Sessions) != 3 {
		t.Fatalf("%d sessions", len(all.Sessions))
	}
	current, lamps := 0, ""
	for _, s := range all.Sessions {
		if s.Current {
			current++
		}
		if s.UserAgent == "a lamp/1.0" {
			lamps = s.ID
		}
		if s.Address != "127.0.0.1" || s.CreatedAt.IsZero() || s.LastUsed.Before(s.CreatedAt) || s.ExpiresAt.Before(time.Now().Add(29*24*time.Hour)) {
			t.Errorf("a session is %+v", s)
		}
	}
	if current != 1 || lamps == "" {
		t.Errorf("%d are current, the lamp's is %q", current, lamps)
	}
	first, next := list("?limit=2", ann)
	if len(first.Sessions) != 2 || !strings.Contains(next, `rel="next"`) {
		t.Errorf("a page of two has %d, and Link %q", len(first.Sessions), next)
	}
	if rest, next := list("?limit=2&after="+first.Sessions[1].ID, ann); len(rest.Sessions) != 1 || next != "" {
		t.Errorf("the rest has %d, and Link %q", len(rest.Sessions), next)
	}
	h.do("GET", "/me/sessions?after=%00", "", ann...).refused(400, "invalid_request", "after")

	h.do("DELETE", "/me/sessions/"+lamps, "", bob...).refused(404, "not_found")
	h.do("DELETE", "/me/sessions/"+lamps, "", ann...).want(204)
	for _, s := range []*stream{lampsOne, lampsAll} {
		s.ends(`"reason":"revoked"`)
	}
	h.do("GET", "/me", "", bearer(lamp.Token)...).refused(401, "session_ended")
	h.say("den", "to the others", ann)
	thirds.until("to the others")
	h.do("DELETE", "/me/sessions/"+lamps, "", ann...).refused(404, "not_found")
	h.do("DELETE", "/me/sessions/%00", "", ann...).refused(404, "not_found")
	h.do("GET", "/me", "", third...).want(200)
	h.do("DELETE", "/me/sessions", "", ann...).want(204)
	thirds.ends(`"reason":"revoked"`)
	h.say("den", "to herself", ann)
	here.until("to herself")
	h.do("GET", "/me", "", third...).refused(401, "session_ended")
	h.do("GET", "/me", "", bob...).want(200)
	if left, _ := list("", ann); len(left.Sessions) != 1 || !left.Sessions[0].Current {
		t.Errorf("left are %+v", left.Sessions)
	}
}

// A refresh is by the database's clock, and a session begins by the server's. Where that is
// behind, the session is as old as that from its beginning on.
func TestASessionEndsAtItsMostHoweverOftenItIsRefreshed(t *testing.T) {
	t.Parallel()
	const age = 40 * time.Minute
	h := openByClock(t, func() time.Time { return time.Now().Add(-age) }, func(s *settings) { s.SessionIdle, s.SessionMax = "1h", "90m" })
	h.user("ann")
	var l struct {
		login
		Ends time.Time `json:"refresh_expires_at"`
	}
	began := time.Now().Add(-age).Truncate(time.Millisecond)
	h.do("POST", "/login", "username=ann&password="+password, "Content-Type", asForm).want(200).into(&l)
	took := time.Since(began) - age
	for i, left := range []time.Duration{time.Hour, 90 * time.Minute, 90 * time.Minute, 90 * time.Minute} {
		if i > 0 {
			h.do("POST", "/refresh", "refresh_token="+l.RefreshToken, "Content-Type", asForm).want(200).into(&l)
		}
		h.secrets = append(h.secrets, l.RefreshToken, l.Token)
		if lasts := l.Ends.Sub(began); lasts < left || lasts > left+took {
			t.Errorf("after %d refreshes the session lasts for %s from its beginning on, want %s", i, lasts, left)
		}
	}
}

func TestAnAccountIsClosedByItsUser(t *testing.T) {
	t.Parallel()
	h := open(t)
	admin, ann, bob := h.user("root"), h.user("ann"), h.user("bob")
	h.chat("den", ann)
	h.chat("own", ann)
	h.do("PUT", "/chats/den/members/bob", "", with(ann, "Content-Type", asJSON)...).want(200)
	h.say("den", "what ann said", ann)
	closing := func(who []string, body string) answer {
		return h.do("DELETE", "/me", body, with(who, "Content-Type", asJSON)...)
	}
	right := `{"password":"` + password + `","erase_messages":true}`
	closing(ann, `{}`).refused(400, "invalid_request", "password")
	closing(ann, `{"password":"not the password"}`).refused(403, "wrong_password")
	if refusal := closing(ann, right).refused(409, "last_owner"); !strings.Contains(refusal.body, ": den.") {
		t.Errorf("the chat is not named: %s", refusal.body)
	}
	closing(admin, right).refused(409, "last_admin")
	h.do("PUT", "/chats/den/members/bob", `{"role":"owner"}`, with(ann, "Content-Type", asJSON)...).want(200)
	stream := h.follow("/chats/den/stream", bob...)
	stream.until("event: ready")

	closing(ann, right).want(204)
	stream.until("event: member.left")
	h.do("GET", "/me", "", ann...).refused(401, "session_ended")
	h.do("POST", "/login", "username=ann&password="+password, "Content-Type", asForm).refused(401, "invalid_credentials")
	h.do("POST", "/users", "username=ann&password="+password, "Content-Type", asForm).refused(409, "username_taken")
	h.eventually("the text is erased", func() bool {
		return !strings.Contains(h.do("GET", "/chats/den/messages", "", bob...).want(200).body, "what ann said")
	})
	h.do("GET", "/users/ann", "", admin...).refused(404, "not_found")
}
