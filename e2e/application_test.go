package e2e

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley/e2e/need"
)

// What docs/application-users.md shows is run as it stands there.

// example is a block of the document, by the name behind its language.
func example(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../docs/application-users.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), " "+name+"\n")
	block, _, ended := strings.Cut(rest, "\n```\n")
	if !found || !ended {
		t.Fatalf("the document shows no %s", name)
	}
	return block + "\n"
}

// application is a folder in which the document's application runs.
type application struct {
	*testing.T
	folder, port string
}

func newApplication(t *testing.T) *application {
	return &application{t, t.TempDir(), fmt.Sprint(port(t))}
}

func (a *application) write(name, text string) string {
	a.Helper()
	path := filepath.Join(a.folder, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		a.Fatal(err)
	}
	return path
}

// run starts the application, which the test's end stops.
func (a *application) run(program string, arguments ...string) {
	a.Helper()
	cmd := exec.Command(program, arguments...)
	cmd.Dir = a.folder
	cmd.Env = append(os.Environ(), "PORT="+a.port, "CHAT_SECRET_FILE=chat-secret", "CHAT_KEY_FILE=chat-key.pem")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Start(); err != nil {
		a.Fatal(err)
	}
	a.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
}

// token asks the application for one, once it listens.
func (a *application) token(password string) (status int, token string) {
	a.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		r, err := http.NewRequestWithContext(a.Context(), "POST", "http://127.0.0.1:"+a.port+"/chat-token", http.NoBody)
		if err != nil {
			a.Fatal(err)
		}
		r.SetBasicAuth("ann", password)
		answer, err := httpClient().Do(r)
		if err == nil {
			defer answer.Body.Close()
			var body struct{ Token string }
			if answer.StatusCode == http.StatusOK {
				if err := json.NewDecoder(answer.Body).Decode(&body); err != nil {
					a.Fatal(err)
				}
			}
			return answer.StatusCode, body.Token
		}
		if time.Now().After(end) {
			a.Fatal(err)
		}
	}
}

// chats lets the application's user chat at a server that knows its list of issuers.
func (a *application) chats(issuers string) {
	a.Helper()
	if status, _ := a.token("not hers"); status != http.StatusUnauthorized {
		a.Errorf("the application gives anybody a token: %d", status)
	}
	p := serve(a.T, "--issuers", a.write("issuers.json", issuers))
	_, token := a.token("a password of ann's")
	var me struct{ Username string }
	call(a.T, "GET", p.URL+"/me", token, "", 200, &me)
	if me.Username != "ann@app" {
		a.Errorf("the application's user is %q", me.Username)
	}
	call(a.T, "POST", p.URL+"/chats", token, `{"id":"general"}`, 201, nil)
	call(a.T, "POST", p.URL+"/messages", token, `{"chat":"general","text":"hello"}`, 201, nil)
	_, another := a.token("a password of ann's")
	call(a.T, "POST", p.URL+"/logout", token, "", 204, nil)
	call(a.T, "GET", p.URL+"/me", token, "", 401, nil)
	call(a.T, "GET", p.URL+"/me", another, "", 200, nil)
}

func TestTheDocumentedGoApplicationsUsersChat(t *testing.T) {
	t.Parallel()
	a := newApplication(t)
	a.write("chat-secret", rand.Text()+rand.Text()+"\n")
	program := filepath.Join(a.folder, "application")
	build := exec.Command("go", "build", "-o", program, a.write("main.go", example(t, "main.go")))
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	a.run(program)
	a.chats(example(t, "issuers.json"))
}

func TestTheDocumentedExpressApplicationsUsersChat(t *testing.T) {
	t.Parallel()
	node := need.Node(t)
	packages := t.TempDir()
	install := exec.CommandContext(t.Context(), need.NPM(t), "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline",
		"express@5.3.0", "jsonwebtoken@9.0.3")
	install.Dir = packages
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("installing express and jsonwebtoken: %v\n%s", err, out)
	}
	start := func(t *testing.T, name string) *application {
		a := newApplication(t)
		if err := os.Symlink(filepath.Join(packages, "node_modules"), filepath.Join(a.folder, "node_modules")); err != nil {
			t.Fatal(err)
		}
		a.write("chat-secret", rand.Text()+rand.Text()+"\n")
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		a.write("chat-key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
		a.run(node, a.write(name, example(t, name)))
		return a
	}
	t.Run("HS256", func(t *testing.T) {
		t.Parallel()
		start(t, "app.js").chats(example(t, "issuers.json"))
	})
	t.Run("RS256", func(t *testing.T) {
		t.Parallel()
		a := start(t, "app-rs256.js")
		a.chats(strings.Replace(example(t, "issuers-rs256.json"), "https://my-application.example", "http://127.0.0.1:"+a.port, 1))
	})
}
