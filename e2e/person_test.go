package e2e

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"parley/chat"
	"parley/client"
	"parley/e2e/need"
)

// person is somebody who uses the service through the Go client.
type person struct {
	*client.Client
	t              testing.TB
	name, password string
}

// newPerson signs somebody up whom nobody has met, and logs him in.
func newPerson(t testing.TB, p *process) *person {
	t.Helper()
	who := &person{
		Client: client.New(p.URL, client.WithHTTPClient(httpClient())), t: t,
		name: "p" + strings.ToLower(rand.Text()[:12]), password: newPassword(),
	}
	if _, err := who.SignUp(t.Context(), who.name, who.password, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := who.LogIn(t.Context(), who.name, who.password); err != nil {
		t.Fatal(err)
	}
	return who
}

// at is the same person in another session, at another instance perhaps.
func (who *person) at(p *process) *person {
	who.t.Helper()
	other := *who
	other.Client = client.New(p.URL, client.WithHTTPClient(httpClient()))
	if _, err := other.LogIn(who.t.Context(), who.name, who.password); err != nil {
		who.t.Fatal(err)
	}
	return &other
}

// makeChat makes a chat with the others as members.
func (who *person) makeChat(others ...*person) string {
	who.t.Helper()
	ch, err := who.CreateChat(who.t.Context(), chat.NewChat{Visibility: chat.Private})
	if err != nil {
		who.t.Fatal(err)
	}
	for _, other := range others {
		if _, err := who.PutMember(who.t.Context(), ch.ID, other.name, ""); err != nil {
			who.t.Fatal(err)
		}
	}
	return ch.ID
}

func (who *person) post(chatID, text string) chat.Message {
	who.t.Helper()
	ctx, cancel := context.WithTimeout(who.t.Context(), patience)
	defer cancel()
	posted, err := who.Post(ctx, chat.Post{Chat: chatID, Text: text})
	if err != nil {
		who.t.Fatal(err)
	}
	return posted.Message
}

// login is a session without the client's comforts: a token.
func (who *person) login(p *process) chat.Login {
	who.t.Helper()
	var login chat.Login
	call(who.t, "POST", p.URL+"/login", "", fmt.Sprintf(`{"username":%q,"password":%q}`, who.name, who.password), http.StatusOK, &login)
	return login
}

// onBoth runs a test with a server on each database.
func onBoth(t *testing.T, test func(t *testing.T, p *process)) {
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		test(t, serve(t))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		test(t, servePostgres(t, need.Postgres(t), "--signup", "open"))
	})
}
