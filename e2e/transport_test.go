package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"parley/e2e/described"
)

// transport carries the requests of all tests, holds them and their answers to
// docs/openapi.yaml, and remembers, for the search at the end, each secret and each text that
// passes: in addresses, headers and cookies, in what is posted, and in the answers that give
// tokens, tickets and invites. A test that speaks to a process in any other way registers
// what it uses.
var transport = &recordingTransport{Transport: http.DefaultTransport.(*http.Transport).Clone()}

// httpClient sends by transport and follows no redirect.
func httpClient() *http.Client {
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

type recordingTransport struct {
	*http.Transport
	// undescribed are the hosts of processes of another release, which another description
	// describes.
	undescribed sync.Map
}

// leaveOut says that what a process answers is not held to today's description.
func (t *recordingTransport) leaveOut(base string) {
	t.undescribed.Store(strings.TrimPrefix(base, "http://"), true)
}

// described is the transport that holds what a host answers to the description.
func (t *recordingTransport) described(host string) http.RoundTripper {
	if _, other := t.undescribed.Load(host); other {
		return t.Transport
	}
	return &described.Transport{Base: t.Transport, BasePath: "/chat", Deviates: deviations.add}
}

func (t *recordingTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	recordAddress(request.URL)
	if _, token, ok := strings.Cut(request.Header.Get("Authorization"), " "); ok {
		secrets.add("a token", token)
	}
	for _, cookie := range request.Cookies() {
		secrets.add("a cookie", cookie.Value)
	}
	// The body is read from a copy: nobody but the transport may close it.
	if request.GetBody != nil {
		body, err := request.GetBody()
		if err != nil {
			return nil, err
		}
		sent, err := io.ReadAll(body)
		if err != nil {
			return nil, err
		}
		recordBody(request, sent)
	}
	response, err := t.described(request.URL.Host).RoundTrip(request)
	if err != nil {
		return nil, err
	}
	for _, cookie := range response.Cookies() {
		secrets.add("a cookie", cookie.Value)
	}
	if response.StatusCode < 300 && givesSecrets(request.URL.Path) {
		answer, err := io.ReadAll(response.Body)
		response.Body.Close()
		response.Body = io.NopCloser(bytes.NewReader(answer))
		if err != nil {
			return nil, err
		}
		recordFields(answer)
		if strings.HasPrefix(response.Header.Get("Content-Type"), "text/plain") {
			secrets.add("a token", strings.TrimSpace(string(answer)))
		}
	}
	return response, nil
}

// givesSecrets says whether what is asked for at a path has secrets in its answer.
func givesSecrets(path string) bool {
	return slices.ContainsFunc([]string{"/login", "/refresh", "/stream-tickets", "/tokens", "/invites"},
		func(end string) bool { return strings.HasSuffix(path, end) })
}

// inviteCode is what an invite looks like. Tests also ask for some that are none, in words
// that logs have, too.
var inviteCode = regexp.MustCompile(`/invites/([A-Z2-7]{26})$`)

// recordAddress remembers what is secret in the address of a request.
func recordAddress(u *url.URL) {
	if ticket := u.Query().Get("ticket"); strings.HasPrefix(ticket, "pt_") {
		secrets.add("a ticket", ticket)
	}
	if found := inviteCode.FindStringSubmatch(u.Path); found != nil {
		secrets.add("an invite", found[1])
	}
}

// recordBody remembers what is secret in a request's body.
func recordBody(request *http.Request, body []byte) {
	switch kind, _, _ := strings.Cut(request.Header.Get("Content-Type"), ";"); {
	case kind == "application/json":
		recordFields(body)
	case strings.HasPrefix(request.URL.Path, "/chats/") && strings.HasSuffix(request.URL.Path, "/messages"):
		secrets.add("a text", string(body))
	case kind == "application/x-www-form-urlencoded":
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return
		}
		for name, kind := range secretFields {
			secrets.add(kind, form.Get(name))
		}
	}
}

// secretFields are the fields of bodies and answers that nobody may print.
var secretFields = map[string]string{
	"password":      "a password",
	"token":         "a token",
	"refresh_token": "a refresh token",
	"text":          "a text",
	"new_password":  "a password",
	"ticket":        "a ticket",
	"invite":        "an invite",
	"code":          "an invite",
}

func recordFields(body []byte) {
	var fields map[string]any
	if json.Unmarshal(body, &fields) != nil {
		return // it is sent to be refused
	}
	recordIn(fields)
	invites, _ := fields["invites"].([]any)
	for _, invite := range invites {
		if fields, ok := invite.(map[string]any); ok {
			recordIn(fields)
		}
	}
}

func recordIn(fields map[string]any) {
	for name, kind := range secretFields {
		if value, ok := fields[name].(string); ok {
			secrets.add(kind, value)
		}
	}
}
