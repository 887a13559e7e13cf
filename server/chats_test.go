package server_test

import (
	"strings"
	"testing"
)

func TestAPrivateChatAnswersAStrangerAsIfItWereNot(t *testing.T) {
	t.Parallel()
	h := open(t)
	ann, bob := h.user("ann"), h.user("bob")
	h.chat("secret", ann)
	id := strings.TrimPrefix(h.say("secret", "whispered", ann).header.Get("Location"), "/messages/")
	for _, row := range []struct{ method, path, body string }{
		{"GET", "/chats/CHAT", ""},
		{"PATCH", "/chats/CHAT", `{"title":"x"}`},
		{"DELETE", "/chats/CHAT", ""},
		{"GET", "/chats/CHAT/members", ""},
		{"PUT", "/chats/CHAT/members/bob", `{}`},
		{"DELETE", "/chats/CHAT/members/ann", ""},
		{"DELETE", "/chats/CHAT/members/bob", ""},
		{"GET", "/chats/CHAT/messages", ""},
		{"POST", "/chats/CHAT/messages", `{"text":"x"}`},
		{"GET", "/chats/CHAT/stream", ""},
	} {
		body := func(chatID string) string {
			path := strings.ReplaceAll(row.path, "CHAT", chatID)
			a := h.do(row.method, path, row.body, with(bob, "Content-Type", asJSON, "X-Request-Id", "same")...).refused(404, "not_found")
			return strings.ReplaceAll(a.body, path, "")
		}
		if there, not := body("secret"), body("nowhere"); there != not {
			t.Errorf("%s %s: one can tell\n%s\n%s", row.method, row.path, there, not)
		}
		body("No%20Id")
		body("%00")
		body("%ff")
	}
	h.do("GET", "/messages/"+id, "", bob...).refused(404, "not_found")
	for _, id := range []string{"0", "1", "-1", "x", "9999", "1234567890123456789", "%00"} {
		h.do("GET", "/messages/"+id, "", ann...).refused(404, "not_found")
	}
	h.do("PUT", "/chats/secret/members/NO", "", ann...).refused(404, "not_found")
	h.do("DELETE", "/chats/secret/members/%00", "", ann...).refused(404, "not_found")
}

func TestAPublicChatCanBeSeenAndJoinedButReadOnlyByItsMembers(t *testing.T) {
	t.Parallel()
	h := open(t)
	ann, bob := h.user("ann"), h.user("bob")
	var ch struct {
		ID, Title, Visibility string
		Role                  *string
		Head, Unread          *int64
	}
	made := h.do("POST", "/chats", "id=lobby&title=The+lobby&visibility=public", with(ann, "Content-Type", asForm)...).want(201)
	made.into(&ch)
	if made.header.Get("Location") != "/chats/lobby" || ch.Title != "The lobby" || ch.Role == nil || *ch.Role != "owner" || ch.Head == nil {
		t.Errorf("not the chat asked for: %s", made.body)
	}
	h.do("POST", "/chats", `{"id":"lobby"}`, with(bob, "Content-Type", asJSON)...).refused(409, "chat_exists")

	if a := h.do("GET", "/chats/lobby", "", bob...).want(200); !strings.Contains(a.body, `"role":null`) || strings.Contains(a.body, "head") || strings.Contains(a.body, "unread") {
		t.Errorf("a stranger sees %s", a.body)
	}
	if a := h.do("GET", "/chats", "", bob...).want(200); a.body != `{"chats":[]}`+"\n" {
		t.Errorf("a stranger's chats: %s", a.body)
	}
	if a := h.do("GET", "/chats?visibility=public", "", bob...).want(200); !strings.Contains(a.body, `"lobby"`) {
		t.Errorf("public chats: %s", a.body)
	}
	id := h.say("lobby", "hello-members", ann).header.Get("Location")
	for _, path := range []string{"/chats/lobby/messages", "/chats/lobby/members", "/chats/lobby/stream", id} {
		h.do("GET", path, "", bob...).refused(403, "not_a_member")
	}
	h.do("POST", "/chats/lobby/messages", "x", with(bob, "Content-Type", "text/plain")...).refused(403, "not_a_member")
	h.do("PUT", "/chats/lobby/members/bob", `{"role":"admin"}`, with(bob, "Content-Type", asJSON)...).refused(403, "forbidden")

	h.do("PUT", "/chats/lobby/members/bob", "", bob...).want(200)
	if a := h.do("GET", "/chats/lobby/members", "", bob...).want(200); !strings.Contains(a.body, `{"members":[{"username":"ann"`) {
		t.Errorf("members: %s", a.body)
	}
	h.do("PATCH", "/chats/lobby", `{"title":"x"}`, with(bob, "Content-Type", asJSON)...).refused(403, "forbidden")
	h.do("PATCH", "/chats/lobby", `{"title":"x"}`, with(ann, "Content-Type", asJSON)...).want(200)
	h.do("DELETE", "/chats/lobby/members/ann", "", ann...).refused(409, "last_owner")
	h.do("DELETE", "/chats/lobby/members/bob", "", bob...).want(204)
	h.do("DELETE", "/chats/lobby/members/bob", "", ann...).refused(404, "not_found")
	h.do("DELETE", "/chats/lobby", "", ann...).want(204)
	h.do("GET", "/chats/lobby", "", ann...).refused(404, "not_found")
	h.do("POST", "/chats", `{"id":"lobby"}`, with(ann, "Content-Type", asJSON)...).refused(409, "chat_exists")
	if a := h.do("POST", "/chats", "", ann...).want(201); a.header.Get("Location") == "/chats/" {
		t.Errorf("no id made up: %s", a.body)
	}
}
