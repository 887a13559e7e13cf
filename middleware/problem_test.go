package middleware_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"parley/chat"
	"parley/middleware"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// refusals are all that a client can be answered.
var refusals = []*chat.Error{
	chat.Invalid("text", "must not be empty"), chat.WeakPassword("password", "is one of the commonest passwords"),
	chat.ErrNotFound, chat.ErrNotAMember, chat.ErrForbidden, chat.ErrReadOnly, chat.InsufficientScope(chat.ScopePost),
	chat.ErrChatExists, chat.ErrTooManyChats, chat.ErrTooManyTokens, chat.ErrLastOwner, chat.ErrLastAdmin, chat.ErrInviteNotFound,
	chat.ErrIdempotencyMismatch, chat.ErrDeleted, chat.ErrTooManyReactions, chat.ErrPreconditionFailed, chat.ErrSessionEnded, chat.ErrUnavailable, chat.ErrUsernameTaken,
	chat.ErrBadCredentials, chat.ErrBadRefreshToken, chat.ErrWrongPassword, chat.ErrBadTicket, chat.ErrBusy, chat.ErrRateLimited, chat.ErrTooManyStreams,
	middleware.ErrUnauthenticated, middleware.ErrInvalidToken, middleware.ErrTokenInURL,
	middleware.ErrForeignOrigin, middleware.ErrSignupClosed, middleware.ErrMisdirected, middleware.ErrMethodNotAllowed,
	middleware.ErrNotAcceptable, middleware.ErrTooLarge, middleware.ErrBrokenBody,
	middleware.ErrUnsupportedMediaType, middleware.ErrInternal,
}

func TestEveryRefusalThatTheSourceNamesHasItsDocument(t *testing.T) {
	known := map[string]bool{}
	for _, refused := range refusals {
		known[string(refused.Code)] = true
	}
	named := map[string]bool{}
	for _, folder := range []string{"../chat", "."} {
		for _, code := range codesIn(t, folder) {
			named[code] = true
			if !known[code] {
				t.Errorf("%s names the code %q, which this test and its golden files do not know", folder, code)
			}
		}
	}
	if len(named) < len(known) {
		t.Errorf("the source names %d codes, the test %d: the search is broken", len(named), len(known))
	}
	files, err := filepath.Glob("testdata/problems/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if code := strings.TrimSuffix(filepath.Base(file), ".json"); !known[code] {
			t.Errorf("%s belongs to no code", file)
		}
	}
}

// codesIn finds the Code of every literal of a chat.Error in a folder's source.
func codesIn(t *testing.T, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var codes []string
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			pair, ok := n.(*ast.KeyValueExpr)
			if !ok {
				return true
			}
			key, isName := pair.Key.(*ast.Ident)
			value, isText := pair.Value.(*ast.BasicLit)
			if isName && isText && key.Name == "Code" && value.Kind == token.STRING {
				code, err := strconv.Unquote(value.Value)
				if err != nil {
					t.Fatal(err)
				}
				codes = append(codes, code)
			}
			return true
		})
	}
	return codes
}

func TestEveryProblemIsItsGoldenFile(t *testing.T) {
	for _, refused := range refusals {
		t.Run(string(refused.Code), func(t *testing.T) {
			h := build(t, housing{})
			h.noActor.GET("/chats/:chat", func(c *gin.Context) { _ = c.Error(fmt.Errorf("doing it: %w", refused)) })
			w := h.ask("GET", "/chats/l%C3%B6bby?limit=1", nil, "X-Request-Id", "req-1")
			wantProblem(t, w, w.Code, string(refused.Code))

			file := filepath.Join("testdata", "problems", string(refused.Code)+".json")
			if *update {
				if err := os.WriteFile(file, w.Body.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got := w.Body.String(); got != string(want) {
				t.Errorf("got  %swant %s", got, want)
			}
			switch {
			case w.Code == http.StatusUnauthorized:
				if got := w.Header().Get("WWW-Authenticate"); !strings.HasPrefix(got, "Bearer ") {
					t.Errorf("401 with WWW-Authenticate %q", got)
				}
			case refused.Code == chat.ErrInsufficientScope.Code:
				if got := w.Header().Get("WWW-Authenticate"); got != `Bearer realm="parley", error="insufficient_scope", scope="post"` {
					t.Errorf("a lacking scope with WWW-Authenticate %q", got)
				}
			case w.Header().Get("WWW-Authenticate") != "":
				t.Errorf("%d with WWW-Authenticate", w.Code)
			}
			after := w.Header().Get("Retry-After")
			if wants := w.Code == 503 || w.Code == 429; wants != (after != "") {
				t.Errorf("%d with Retry-After %q", w.Code, after)
			}
			if n, err := strconv.Atoi(after); after != "" && (err != nil || n < 1) {
				t.Errorf("Retry-After %q", after)
			}
		})
	}
}

func TestTheErrorInvalidTokenIsSaidOnlyOfAnAccessTokenThatWasSent(t *testing.T) {
	for _, c := range []struct {
		err  error
		says bool
	}{
		{middleware.ErrInvalidToken, true}, {chat.ErrSessionEnded, true},
		{middleware.ErrUnauthenticated, false}, {chat.ErrBadCredentials, false}, {chat.ErrBadRefreshToken, false},
	} {
		h := build(t, housing{})
		h.noActor.GET("/x", func(g *gin.Context) { middleware.WriteProblem(g, c.err) })
		got := h.ask("GET", "/x", nil).Header().Get("WWW-Authenticate")
		if says := strings.Contains(got, `error="invalid_token"`); says != c.says {
			t.Errorf("%v: WWW-Authenticate %q", c.err, got)
		}
	}
}

func TestAnUnknownErrorIsInternalAndItsTextIsInTheLogAlone(t *testing.T) {
	unknown := map[string]error{
		"a plain error":     errors.New("dial 10.1.2.3: gate shut"),
		"an unknown code":   &chat.Error{Code: "odd", Detail: "gate shut"},
		"a wrapped EOF":     fmt.Errorf("gate shut: %w", io.ErrUnexpectedEOF),
		"a cancel not ours": fmt.Errorf("gate shut: %w", context.Canceled),
	}
	for name, err := range unknown {
		t.Run(name, func(t *testing.T) {
			h := build(t, housing{})
			h.noActor.GET("/x", func(c *gin.Context) { _ = c.Error(err) })
			w := h.ask("GET", "/x", nil)
			wantProblem(t, w, 500, "internal")
			wantNone(t, w.Body.String(), "gate shut", "10.1.2.3")
			if line := h.log.String(); !strings.Contains(line, "gate shut") || !strings.Contains(line, "level=ERROR") {
				t.Errorf("log: %s", line)
			}
		})
	}
}

func TestADeadlineIsUnavailable(t *testing.T) {
	h := build(t, housing{})
	h.noActor.GET("/slow", func(c *gin.Context) { _ = c.Error(fmt.Errorf("reading: %w", context.DeadlineExceeded)) })
	wantProblem(t, h.ask("GET", "/slow", nil), 503, "unavailable")
}

func TestAClientWhoIsGoneMakesNoNoise(t *testing.T) {
	h := build(t, housing{})
	h.noActor.GET("/x", func(c *gin.Context) {
		_ = c.Error(fmt.Errorf("reading: %w", c.Request.Context().Err()))
	})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := newRecorder(h, request("GET", "/x", nil).WithContext(ctx))
	if w.Body.Len() != 0 {
		t.Errorf("wrote %q", w.Body)
	}
	if line := h.log.String(); !strings.Contains(line, "level=INFO") || !strings.Contains(line, "status=499") ||
		strings.Contains(line, "ERROR") || strings.Contains(line, "WARN") {
		t.Errorf("log: %s", line)
	}
}

func TestTheRoutersOwnAnswersAreProblems(t *testing.T) {
	h := build(t, housing{})
	h.noActor.GET("/chats", ok)
	h.noActor.POST("/chats", ok)
	wantProblem(t, h.ask("GET", "/nowhere", nil), 404, "not_found")
	wantProblem(t, h.ask("GET", "/chats/", nil), 404, "not_found")
	w := h.ask("DELETE", "/chats", nil)
	wantProblem(t, w, 405, "method_not_allowed")
	allow := strings.Split(w.Header().Get("Allow"), ", ")
	slices.Sort(allow)
	if !slices.Equal(allow, []string{"GET", "POST"}) {
		t.Errorf("Allow: %q", w.Header().Get("Allow"))
	}
	if got := wantProblem(t, h.ask("GET", "/nowhere?q=secret", nil), 404, "not_found")["instance"]; got != "/nowhere" {
		t.Errorf("instance %q", got)
	}
}

func TestAProblemTakesBackWhatWasSaidOfTheAnswerThatDidNotCome(t *testing.T) {
	h := build(t, housing{})
	h.noActor.GET("/x", func(c *gin.Context) {
		for _, name := range []string{"ETag", "Location", "Content-Length", "Link"} {
			c.Header(name, "1")
		}
		middleware.NewCookies("", "").Clear(c)
		_ = c.Error(chat.ErrForbidden)
	})
	w := h.ask("GET", "/x", nil)
	wantProblem(t, w, 403, "forbidden")
	for _, name := range []string{"ETag", "Location", "Content-Length", "Link"} {
		if got := w.Header().Get(name); got != "" {
			t.Errorf("%s: %q", name, got)
		}
	}
	// A logout clears the cookies in any case.
	if len(w.Result().Cookies()) != 2 {
		t.Errorf("cookies: %v", w.Result().Cookies())
	}
}

func TestAnErrorAfterTheAnswerBeganChangesNothingOfIt(t *testing.T) {
	h := build(t, housing{})
	h.noActor.GET("/x", func(c *gin.Context) {
		c.String(200, "whole")
		_ = c.Error(errors.New("late"))
	})
	h.noActor.GET("/y", func(c *gin.Context) {
		c.String(200, "whole")
		middleware.WriteProblem(c, errors.New("late"))
	})
	for _, path := range []string{"/x", "/y"} {
		if w := h.ask("GET", path, nil); w.Code != 200 || w.Body.String() != "whole" {
			t.Errorf("%s: %d %q", path, w.Code, w.Body)
		}
	}
}
