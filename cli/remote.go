package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"

	"parley/chat"
	"parley/client"
)

// remote says which server a command speaks to.
type remote struct {
	Server string `env:"PARLEY_SERVER" placeholder:"URL" help:"The server, such as https://chat.example.org; that of the last login unless given."`
}

// tokenVariable names the variable whose token a command uses instead of a login. It is no
// flag: arguments are shown to all users of a machine.
const tokenVariable = "PARLEY_TOKEN"

// account is a client of the server as the user is known to it.
type account struct {
	*client.Client
	server string
	// username is the user that has logged in; it is not known where there is a token alone.
	username string
}

// signedIn is the account of the token that is set, or of the login that is kept.
func (r remote) signedIn() (account, error) {
	server, token := r.Server, os.Getenv(tokenVariable)
	if server != "" && token != "" {
		server, err := readServer(server)
		return account{client.New(server, client.WithToken(token)), server, ""}, err
	}
	folder, kept, err := r.kept()
	if err != nil {
		return account{}, err
	}
	if server, err = r.server(kept); err != nil {
		return account{}, err
	}
	if token != "" {
		return account{client.New(server, client.WithToken(token)), server, ""}, nil
	}
	session, ok := kept.Servers[server]
	if !ok {
		return account{}, fmt.Errorf("you are not logged in to %s: run parley login, or set %s", server, tokenVariable)
	}
	c := client.New(server, client.WithSession(session, keptSession{folder, server}))
	return account{c, server, session.Username}, nil
}

// signingIn is the account that a login makes.
func (r remote) signingIn() (account, credentialsFolder, error) {
	folder, kept, err := r.kept()
	if err != nil {
		return account{}, "", err
	}
	server, err := r.server(kept)
	if err != nil {
		return account{}, "", err
	}
	c := client.New(server, client.WithSession(client.Session{}, keptSession{folder, server}))
	return account{c, server, ""}, folder, nil
}

func (r remote) kept() (credentialsFolder, signIns, error) {
	folder, err := userCredentials()
	if err != nil {
		return "", signIns{}, err
	}
	kept, err := folder.read()
	return folder, kept, err
}

// server is the one that was named, or that of the last login.
func (r remote) server(kept signIns) (string, error) {
	switch {
	case r.Server != "":
		return readServer(r.Server)
	case kept.Last != "":
		return kept.Last, nil
	}
	return "", errors.New("which server? Name it by --server or PARLEY_SERVER; after a login that one is meant")
}

// readServer gives one server one name.
func readServer(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", usageError{fmt.Errorf("--server: %q is no address of a server: write one such as http://127.0.0.1:8080", s)}
	}
	u.Host = strings.ToLower(u.Host)
	return strings.TrimRight(u.String(), "/"), nil
}

// own is the username of the account.
func (a account) own(ctx context.Context) (string, error) {
	if a.username != "" {
		return a.username, nil
	}
	u, err := a.Me(ctx)
	return u.Username, err
}

// asUser runs do in the name of the user until a signal ends it.
func (r remote) asUser(do func(ctx context.Context, a account) error) error {
	a, err := r.signedIn()
	if err != nil {
		return err
	}
	return untilSignal(func(ctx context.Context) error { return a.told(do(ctx, a)) })
}

// told says in a line, without what only programs need, why the server or the way to it
// failed.
func (a account) told(err error) error {
	p, ok := errors.AsType[*client.Problem](err)
	switch {
	case errors.Is(err, chat.ErrBadCredentials):
	case ok && p.Status == http.StatusUnauthorized && a.username == "":
		return fmt.Errorf("%s does not take the token in %s", a.server, tokenVariable)
	case ok && p.Status == http.StatusUnauthorized:
		return fmt.Errorf("%s does not know you any more: run parley login", a.server)
	}
	if !ok {
		return err
	}
	if len(p.Fields) == 0 {
		text := p.Detail
		if text == "" {
			text = fmt.Sprintf("%s answers %d %s", a.server, p.Status, p.Title)
		}
		return errors.New(text)
	}
	var fields []string
	for _, f := range p.Fields {
		fields = append(fields, f.Field+" "+f.Message)
	}
	return errors.New(strings.Join(fields, "; "))
}
