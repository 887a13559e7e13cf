package ephemeral

import (
	"os"
	"strings"
	"testing"
)

func TestABadSeedIsToldWithItsPlace(t *testing.T) {
	t.Parallel()
	const ann = `"users":[{"username":"ann"}]`
	for seed, want := range map[string]string{
		`{`:                              "line 1, the whole: ",
		"{\n\n\"users\": [}":             "line 3, /users/0: ",
		`{"user":[]}`:                    "line 1, /user: ",
		`{"users":[{"username":7}]}`:     "line 1, /users/0/username: ",
		`{"users":[{"username":"Ann"}]}`: "/users/0/username: must",
		`{"users":[{"username":"ann","password":"short"}]}`:                                                            "/users/0/password: must",
		`{"users":[{"username":"ann"},{"username":"ann"}]}`:                                                            `/users/1/username: there are two users "ann"`,
		`{` + ann + `,"chats":[{"id":"den","owner":"bob"}]}`:                                                           `/chats/0/owner: there is no user "bob"`,
		`{` + ann + `,"chats":[{"id":"No","owner":"ann"}]}`:                                                            "/chats/0/id: must",
		`{` + ann + `,"chats":[{"id":"den","owner":"ann","visibility":"secret"}]}`:                                     "/chats/0/visibility: must",
		`{` + ann + `,"chats":[{"id":"den","owner":"ann","members":[{"username":"eve"}]}]}`:                            `/chats/0/members/0/username: there is no user "eve"`,
		`{` + ann + `,"chats":[{"id":"den","owner":"ann","members":[{"username":"ann"}]}]}`:                            "/chats/0/members/0/username: ann is in the chat already",
		`{` + ann + `,"messages":[{"chat":"den","author":"ann","text":"hello"}]}`:                                      `/messages/0/chat: there is no chat "den"`,
		`{` + ann + `,"chats":[{"id":"den","owner":"ann"}],"messages":[{"chat":"den","author":"bob","text":"hello"}]}`: `/messages/0/author: "bob" is not in the chat den`,
		`{` + ann + `,"chats":[{"id":"den","owner":"ann"}],"messages":[{"chat":"den","author":"ann","text":""}]}`:      "/messages/0/text: must",
		`{"users":[{"username":"ann"},{"username":"bob"}],"chats":[{"id":"den","owner":"ann","members":[{"username":"bob","role":"guest"}]}],"messages":[{"chat":"den","author":"bob","text":"hello"}]}`: "/messages/0/author: ",
		`{"users":[{"username":"ann"},{"username":"bob"}],"chats":[{"id":"den","owner":"ann","members":[{"username":"bob","role":"king"}]}]}`:                                                            "/chats/0/members/0/role: must",
	} {
		_, err := ReadSeed([]byte(seed))
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s\n is told as %q, and not as %q", seed, err, want)
		}
	}
}

func TestTheDefaultSeedIsGood(t *testing.T) {
	t.Parallel()
	if err := Default().Check(); err != nil {
		t.Error(err)
	}
}

func TestNothingButAPlaceIsRemoved(t *testing.T) {
	t.Parallel()
	for _, folder := range []string{"", "/", t.TempDir(), prefix + "relative"} {
		if Remove(folder) == nil {
			t.Errorf("%q was removed", folder)
		}
	}
}

func TestTheDocumentedSeedIsGood(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/ci/seed.json")
	if err != nil {
		t.Fatal(err)
	}
	if s, err := ReadSeed(text); err != nil || len(s.Users) != 2 || len(s.Messages) != 1 {
		t.Errorf("%+v: %v", s, err)
	}
}
