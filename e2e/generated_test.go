package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"parley/e2e/need"
)

// Clients that others generate from docs/openapi.yaml compile, and post a message.

// oapiCodegen generates clients in Go, and oapiRuntime is what they import.
const (
	oapiCodegen = "github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2"
	oapiRuntime = "github.com/oapi-codegen/runtime@v1.9.0"
)

// generation is a folder in which a client is generated.
type generation struct {
	*testing.T
	folder string
}

func newGeneration(t *testing.T) *generation { return &generation{t, t.TempDir()} }

func (g *generation) write(name, text string) {
	g.Helper()
	if err := os.WriteFile(filepath.Join(g.folder, name), []byte(text), 0o600); err != nil {
		g.Fatal(err)
	}
}

// run runs a program there, and returns what it printed.
func (g *generation) run(environment []string, program string, arguments ...string) string {
	g.Helper()
	cmd := exec.CommandContext(g.Context(), program, arguments...)
	cmd.Dir, cmd.Env = g.folder, append(os.Environ(), environment...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		g.Fatalf("%s %s: %v\n%s", filepath.Base(program), strings.Join(arguments, " "), err, out)
	}
	return string(out)
}

// posts has the generated client's program sign up at a server, post, and read the message.
func (g *generation) posts(program string, arguments ...string) {
	g.Helper()
	p, text := serve(g), newText()
	secrets.add("a text", text)
	username, password := madeUp("u"), newPassword()
	printed := g.run([]string{"PARLEY_URL=" + p.URL, "PARLEY_USER=" + username, "PARLEY_PASSWORD=" + password, "PARLEY_TEXT=" + text}, program, arguments...)
	if want := username + " said " + text + " in lobby\n"; printed != want {
		g.Errorf("it printed %q, not %q", printed, want)
	}
}

func TestAGeneratedGoClientPosts(t *testing.T) {
	t.Parallel()
	g := newGeneration(t)
	description, err := filepath.Abs("../docs/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	g.write("go.mod", "module generated\n\ngo 1.26.0\n")
	if err := os.Mkdir(filepath.Join(g.folder, "parley"), 0o700); err != nil {
		t.Fatal(err)
	}
	alone := []string{"GOFLAGS=-mod=mod", "GOWORK=off"}
	g.run(alone, "go", "run", oapiCodegen, "-generate", "types,client", "-package", "parley", "-o", "parley/parley.go", description)
	g.write("main.go", goProgram)
	g.run(alone, "go", "get", oapiRuntime)
	g.run(alone, "go", "build", "-o", "program", ".")
	g.posts(filepath.Join(g.folder, "program"))
}

const goProgram = `package main

import (
	"context"
	"fmt"
	"net/http"
	"os"

	"generated/parley"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	username, password, text := os.Getenv("PARLEY_USER"), os.Getenv("PARLEY_PASSWORD"), os.Getenv("PARLEY_TEXT")
	c, err := parley.NewClientWithResponses(os.Getenv("PARLEY_URL"))
	if err != nil {
		return err
	}
	made, err := c.SignUpWithResponse(ctx, parley.NewUser{Username: username, Password: &password})
	if err != nil {
		return err
	}
	if made.JSON201 == nil {
		return fmt.Errorf("signing up: %s", made.Body)
	}
	login, err := c.LogInWithResponse(ctx, parley.SignIn{Username: username, Password: password})
	if err != nil {
		return err
	}
	if login.JSON200 == nil {
		return fmt.Errorf("logging in: %s", login.Body)
	}
	signed := func(_ context.Context, r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+*login.JSON200.Token)
		return nil
	}
	lobby := "lobby"
	chat, err := c.CreateChatWithResponse(ctx, parley.NewChat{Id: &lobby}, signed)
	if err != nil {
		return err
	}
	if chat.JSON201 == nil {
		return fmt.Errorf("creating a chat: %s", chat.Body)
	}
	posted, err := c.PostMessageWithResponse(ctx, nil, parley.NewMessage{Chat: lobby, Text: text}, signed)
	if err != nil {
		return err
	}
	if posted.JSON201 == nil {
		return fmt.Errorf("posting: %s", posted.Body)
	}
	message, err := c.ReadMessageWithResponse(ctx, posted.JSON201.Id, nil, signed)
	if err != nil {
		return err
	}
	if message.JSON200 == nil {
		return fmt.Errorf("reading: %s", message.Body)
	}
	fmt.Printf("%s said %s in %s\n", message.JSON200.Author, message.JSON200.Text, message.JSON200.Chat)
	return nil
}
`

// A client that is generated, and clients/js with its declarations.
func TestTypeScriptClientsPost(t *testing.T) {
	t.Parallel()
	g := newGeneration(t)
	node, npm := need.Node(t), need.NPM(t)
	absolute := func(path string) string {
		t.Helper()
		path, err := filepath.Abs(path)
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	g.write("package.json", `{"name":"typed","private":true,"type":"module"}`)
	tarball := strings.TrimSpace(g.run(nil, npm, "pack", absolute("../clients/js"), "--silent"))
	g.run(nil, npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline",
		"openapi-typescript@7.13.0", "openapi-fetch@0.17.0", "typescript@5.9.3", "./"+tarball)
	bin := filepath.Join(g.folder, "node_modules", ".bin")
	g.run(nil, filepath.Join(bin, "openapi-typescript"), absolute("../docs/openapi.yaml"), "--output", "parley.d.ts")
	g.write("generated.ts", tsProgram)
	g.write("own.ts", ownProgram)
	g.write("tsconfig.json", `{"compilerOptions":{"strict":true,"target":"es2022","module":"nodenext","lib":["es2022","dom"],"types":[]},"files":["generated.ts","own.ts"]}`)
	g.run(nil, filepath.Join(bin, "tsc"))
	g.posts(node, "generated.js")
	g.posts(node, "own.js")
}

const tsProgram = `import createClient from "openapi-fetch";
import type { paths } from "./parley.js";

declare const process: { env: Record<string, string> };

const { PARLEY_URL, PARLEY_USER, PARLEY_PASSWORD, PARLEY_TEXT } = process.env;
const client = createClient<paths>({ baseUrl: PARLEY_URL });

function must<T>(what: string, { data, error }: { data?: T; error?: unknown }): Exclude<T, string> {
  if (data === undefined || typeof data === "string") throw new Error(what + ": " + JSON.stringify(error ?? data));
  return data as Exclude<T, string>;
}

must("signing up", await client.POST("/users", { body: { username: PARLEY_USER, password: PARLEY_PASSWORD } }));
const login = must("logging in", await client.POST("/login", { body: { username: PARLEY_USER, password: PARLEY_PASSWORD, cookie: false } }));
const headers = { Authorization: "Bearer " + login.token };
must("creating a chat", await client.POST("/chats", { body: { id: "lobby" }, headers }));
const posted = must("posting", await client.POST("/messages", { body: { chat: "lobby", text: PARLEY_TEXT }, headers }));
const message = must("reading", await client.GET("/messages/{id}", { params: { path: { id: posted.id } }, headers }));
console.log(message.author + " said " + message.text + " in " + message.chat);
`

const ownProgram = `import { Parley, Problem, type StreamEvent } from "parley-client";

declare const process: { env: Record<string, string> };

const { PARLEY_URL, PARLEY_USER, PARLEY_PASSWORD, PARLEY_TEXT } = process.env;
const parley = new Parley({ url: PARLEY_URL });
await parley.call("POST", "/users", { username: PARLEY_USER, password: PARLEY_PASSWORD });
const refused: Problem | void = await parley.logIn(PARLEY_USER, "not the password").then(() => {}, (error) => error);
if (!refused || refused.status !== 401 || refused.passes) throw refused;
await parley.logIn(PARLEY_USER, PARLEY_PASSWORD);
await parley.call("POST", "/chats", { id: "lobby" });
const heard = new Promise<StreamEvent>((resolve) => {
  const following = parley.follow((event) => {
    if (event.event !== "message") return;
    following.close();
    resolve(event);
  }, { chat: "lobby", after: "earliest", onState(state) { if (state === "closed") return; } });
});
const posted = await parley.post("lobby", PARLEY_TEXT);
const { id, data } = await heard;
if (id !== posted.id) throw new Error("another message was heard");
console.log(data.author + " said " + data.text + " in " + data.chat);
`
