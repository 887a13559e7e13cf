package e2e

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The contract's tests know the service from its public description alone: they
// write each request themselves and look at every field and header that it
// promises.

// with adds something to a request.
type with func(*http.Request)

func bearer(token string) with { return header("Authorization", "Bearer "+token) }

func header(name, value string) with {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

const (
	jsonKind = "application/json"
	formKind = "application/x-www-form-urlencoded"
	textKind = "text/plain"
)

func ofKind(kind string) with { return header("Content-Type", kind) }

func withCookies(cookies ...*http.Cookie) with {
	return func(r *http.Request) {
		for _, c := range cookies {
			r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
		}
	}
}

// ask sends a request, whose body is JSON unless told otherwise, and reads the
// answer.
func ask(t testing.TB, p *process, method, path, body string, with ...with) *reply {
	t.Helper()
	response := request(t, p, method, path, body, with...)
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	if len(body) > 200 {
		body = body[:200] + "…"
	}
	return &reply{t, fmt.Sprintf("%s %s %q", method, path, body), response.StatusCode, response.Header, response.Cookies(), content}
}

func request(t testing.TB, p *process, method, path, body string, with ...with) *http.Response {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	t.Cleanup(cancel)
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(ctx, method, p.URL+path, content)
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", jsonKind)
	}
	for _, add := range with {
		add(r)
	}
	response, err := httpClient().Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return response
}

// reply is an answer with what is said of it when it is not as promised.
type reply struct {
	t       testing.TB
	to      string // the request
	status  int
	header  http.Header
	cookies []*http.Cookie
	body    []byte
}

func (a *reply) errorf(format string, arguments ...any) {
	a.t.Helper()
	a.t.Errorf("%s: %d %s\n%s", a.to, a.status, a.body, fmt.Sprintf(format, arguments...))
}

// is expects a status of success, and JSON where there is a body.
func (a *reply) is(status int) *reply {
	a.t.Helper()
	if a.status != status {
		a.errorf("the status should be %d", status)
		a.t.FailNow()
	}
	return a
}

// mediaType expects a Content-Type.
func (a *reply) mediaType(want string) *reply {
	a.t.Helper()
	if got, _, err := mime.ParseMediaType(a.header.Get("Content-Type")); err != nil || got != want {
		a.errorf("Content-Type is %q, should be %s", a.header.Get("Content-Type"), want)
	}
	return a
}

// object decodes the body; numbers stay as they are written.
func (a *reply) object() map[string]any {
	a.t.Helper()
	o, err := objectOf(a.body)
	if err != nil {
		a.errorf("the body is no JSON object: %v", err)
	}
	return o
}

func objectOf(body []byte) (map[string]any, error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var o map[string]any
	err := decoder.Decode(&o)
	return o, err
}

// problem expects a whole problem document of that status and, unless it is
// empty, that code.
func (a *reply) problem(status int, code string) *reply {
	a.t.Helper()
	if a.status != status {
		a.errorf("the status should be %d %s", status, code)
		return a
	}
	a.mediaType("application/problem+json")
	document := a.object()
	checkProblem(a.t, document, status, code)
	for status, name := range map[int]string{401: "WWW-Authenticate", 405: "Allow", 429: "Retry-After", 503: "Retry-After"} {
		if a.status == status && a.header.Get(name) == "" {
			a.errorf("%s is missing", name)
		}
	}
	if a.status == 401 && !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Bearer") {
		a.errorf("WWW-Authenticate is %q", a.header.Get("WWW-Authenticate"))
	}
	return a
}

func checkProblem(t testing.TB, document map[string]any, status int, code string) {
	t.Helper()
	for _, name := range []string{"type", "title", "detail", "instance", "code", "request_id"} {
		if text, ok := document[name].(string); !ok || text == "" {
			t.Errorf("%s of the problem document is missing: %v", name, document)
		}
	}
	if code != "" && document["code"] != code {
		t.Errorf("the code should be %s: %v", code, document)
	}
	if document["type"] != fmt.Sprint("/problems/", document["code"]) {
		t.Errorf("the type does not name the code: %v", document)
	}
	if fmt.Sprint(document["status"]) != fmt.Sprint(status) {
		t.Errorf("the status should be %d: %v", status, document)
	}
	for name := range document {
		if !slices.Contains([]string{"type", "title", "status", "detail", "instance", "code", "request_id", "errors"}, name) {
			t.Errorf("%s is no field of a problem document: %v", name, document)
		}
	}
	list, ok := document["errors"].([]any)
	if _, given := document["errors"]; given && !ok {
		t.Errorf("errors is no list: %v", document)
	}
	for _, e := range list {
		e, _ := e.(map[string]any)
		if !fieldsAre(e, "field", "message") {
			t.Errorf("an entry of errors: %v", document)
		}
	}
}

// names expects the problem document to name the field.
func (a *reply) names(field string) *reply {
	a.t.Helper()
	list, _ := a.object()["errors"].([]any)
	for _, e := range list {
		if e, ok := e.(map[string]any); ok && e["field"] == field {
			return a
		}
	}
	a.errorf("errors should name the field %q", field)
	return a
}

// fields expects the body to have exactly these.
func (a *reply) fields(names ...string) map[string]any {
	a.t.Helper()
	a.mediaType(jsonKind)
	o := a.object()
	if !fieldsAre(o, names...) {
		a.errorf("the fields should be %q", names)
	}
	return o
}

func fieldsAre(o map[string]any, names ...string) bool {
	return slices.Equal(slices.Sorted(maps.Keys(o)), slices.Sorted(slices.Values(names)))
}

// sameAs expects the same problem but for what belongs to the request alone: its
// id, and its address.
func (a *reply) sameAs(other *reply) {
	a.t.Helper()
	mine, theirs := a.object(), other.object()
	for _, o := range []map[string]any{mine, theirs} {
		delete(o, "request_id")
		delete(o, "instance")
	}
	if a.status != other.status || !maps.EqualFunc(mine, theirs, func(x, y any) bool { return fmt.Sprint(x) == fmt.Sprint(y) }) {
		a.errorf("it should be as the answer to %s: %d %s", other.to, other.status, other.body)
	}
}

var moment = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`)

// checkMoments expects times as the contract writes them.
func checkMoments(t testing.TB, o map[string]any, names ...string) {
	t.Helper()
	for _, name := range names {
		if text, _ := o[name].(string); !moment.MatchString(text) {
			t.Errorf("%s should be a time in UTC with milliseconds: %v", name, o)
		}
	}
}

// objects is a list of objects in an answer.
func objects(t testing.TB, list any) []map[string]any {
	t.Helper()
	values, ok := list.([]any)
	if !ok {
		t.Fatalf("no list: %v", list)
	}
	var all []map[string]any
	for _, value := range values {
		o, ok := value.(map[string]any)
		if !ok {
			t.Fatalf("no object: %v", value)
		}
		all = append(all, o)
	}
	return all
}

// account is somebody with one session.
type account struct {
	name, password, token, refresh string
}

// newAccount signs somebody up and logs him in.
func newAccount(t testing.TB, p *process) *account {
	t.Helper()
	who := &account{name: madeUp("u"), password: newPassword()}
	ask(t, p, "POST", "/users", who.credentials()).is(201)
	who.logIn(t, p)
	return who
}

func (who *account) credentials() string {
	return fmt.Sprintf(`{"username":%q,"password":%q}`, who.name, who.password)
}

func (who *account) logIn(t testing.TB, p *process) {
	t.Helper()
	login := ask(t, p, "POST", "/login", who.credentials()).is(200).object()
	who.token, _ = login["token"].(string)
	who.refresh, _ = login["refresh_token"].(string)
}

// logInByCookie is another session of his, in a browser.
func (who *account) logInByCookie(t testing.TB, p *process) []*http.Cookie {
	t.Helper()
	return ask(t, p, "POST", "/login", fmt.Sprintf(`{"username":%q,"password":%q,"cookie":true}`, who.name, who.password)).is(200).cookies
}

// madeUp is a name for a user or a chat that nothing else has.
func madeUp(kind string) string { return kind + strings.ToLower(rand.Text()[:12]) }

// newText is a text that nothing else has.
func newText() string { return "text-" + rand.Text() }

// makeChatOf makes a chat of that visibility and returns its id.
func makeChatOf(t testing.TB, p *process, who *account, visibility string) string {
	t.Helper()
	id := madeUp("c")
	ask(t, p, "POST", "/chats", fmt.Sprintf(`{"id":%q,"visibility":%q}`, id, visibility), bearer(who.token)).is(201)
	return id
}

// putMember lets somebody take another in, who has that role from then on.
func putMember(t testing.TB, p *process, by *account, chatID string, who *account, role string) {
	t.Helper()
	ask(t, p, "PUT", "/chats/"+chatID+"/members/"+who.name, fmt.Sprintf(`{"role":%q}`, role), bearer(by.token)).is(200)
}

func removeMember(t testing.TB, p *process, by *account, chatID string, who *account) {
	t.Helper()
	ask(t, p, "DELETE", "/chats/"+chatID+"/members/"+who.name, "", bearer(by.token)).is(204)
}

// say posts a text and returns the message.
func say(t testing.TB, p *process, who *account, chatID, text string, with ...with) map[string]any {
	t.Helper()
	with = append(with, bearer(who.token))
	return ask(t, p, "POST", "/chats/"+chatID+"/messages", fmt.Sprintf(`{"text":%q}`, text), with...).is(201).object()
}

// idOf is the id of a message, as it is written.
func idOf(o map[string]any) string { return fmt.Sprint(o["id"]) }
