package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"parley/server"
)

// deployed reads a file of deploy/.
func deployed(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "deploy", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// documents decodes the documents of a YAML file of deploy/.
func documents[T any](t testing.TB, name string) (all []T) {
	t.Helper()
	decoder := yaml.NewDecoder(bytes.NewReader([]byte(deployed(t, name))))
	for {
		var document T
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all = append(all, document)
	}
}

// settingsOf are the settings that variables come to. One that is no setting fails the test.
func settingsOf(t testing.TB, variables map[string]string) (s server.Settings) {
	t.Helper()
	fields := make(map[string]int)
	settings := reflect.TypeFor[server.Settings]()
	for i := range settings.NumField() {
		fields[settings.Field(i).Tag.Get("env")] = i
	}
	for name, value := range variables {
		field, ok := fields[name]
		if !ok {
			t.Errorf("%s is no setting", name)
			continue
		}
		reflect.ValueOf(&s).Elem().Field(field).SetString(value)
	}
	return s
}

// mustBeFilledIn checks settings as they are shipped, which have no secret yet, and as they
// are with one.
func mustBeFilledIn(t testing.TB, s server.Settings) {
	t.Helper()
	var mistake *server.Mistake
	if err := s.Check(); !errors.As(err, &mistake) || mistake.Setting != "jwt-secret" {
		t.Errorf("nobody has to fill in the secret: %v", err)
	}
	s.JWTSecret = sharedSecret
	if err := s.Check(); err != nil {
		t.Errorf("with a secret: %v", err)
	}
}

// assignments reads lines NAME=value.
func assignments(t testing.TB, text string) map[string]string {
	t.Helper()
	values := make(map[string]string)
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if !ok {
			t.Errorf("this line assigns nothing: %q", line)
		}
		values[name] = value
	}
	return values
}

// portOf is the port of an address.
func portOf(t testing.TB, address string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Error(err)
	}
	return port
}

// mustAnswer fails the test unless a parley that is well answers the paths with 200.
func mustAnswer(t testing.TB, paths ...string) {
	t.Helper()
	p := serve(t)
	for _, path := range paths {
		call(t, "GET", p.URL+path, "", "", http.StatusOK, nil)
	}
}

// TestNginxIsTheProxyOfTheDocuments holds the site of several instances against the one of
// docs/proxies, so that what is learned of one is not forgotten in the other.
func TestNginxIsTheProxyOfTheDocuments(t *testing.T) {
	const server = "\nserver {"
	_, alone, _ := strings.Cut(shipped(t, "nginx.conf"), server)
	_, several, _ := strings.Cut(deployed(t, "nginx.conf"), server)
	for line := range strings.Lines(alone) {
		if !strings.Contains(several, line) && !strings.HasPrefix(strings.TrimSpace(line), "#") {
			t.Errorf("deploy/nginx.conf lacks %q", line)
		}
	}
	for line := range strings.Lines(deployed(t, "nginx.conf")) {
		directive, _, _ := strings.Cut(line, "#")
		if strings.Contains(directive, "non_idempotent") {
			t.Errorf("a post is sent twice: %q", line)
		}
		if strings.Contains(directive, "ip_hash") || strings.Contains(directive, "sticky") {
			t.Errorf("an instance is sticky: %q", line)
		}
	}
}

// dockerfile is what the tests look at of deploy/Dockerfile: each instruction's arguments.
func dockerfile(t testing.TB) map[string][]string {
	t.Helper()
	instructions := make(map[string][]string)
	for line := range strings.Lines(deployed(t, "Dockerfile")) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		name, arguments, ok := strings.Cut(line, " ")
		if !ok || name != strings.ToUpper(name) {
			t.Errorf("this line is no instruction: %q", line)
		}
		instructions[name] = append(instructions[name], arguments)
	}
	return instructions
}

func TestTheImageIsBuiltOfWhatIsThere(t *testing.T) {
	t.Parallel()
	d := dockerfile(t)
	module, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	wanted := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindSubmatch(module)
	if wanted == nil || !strings.HasPrefix(d["FROM"][0], fmt.Sprintf("golang:%s.", wanted[1])) {
		t.Errorf("go.mod wants Go %s, it is built by %s", wanted, d["FROM"][0])
	}
	var stages []string
	for _, from := range d["FROM"] {
		image, stage, _ := strings.Cut(from, " AS ")
		stages = append(stages, stage)
		if image != "scratch" && !pinned(image) {
			t.Errorf("%s may be another one tomorrow", image)
		}
	}
	for _, arguments := range d["COPY"] {
		if stage, ok := strings.CutPrefix(strings.Fields(arguments)[0], "--from="); ok && !slices.Contains(stages, stage) {
			t.Errorf("there is no stage %s", stage)
		}
	}
	if !slices.Equal(d["ENTRYPOINT"], []string{`["/parley"]`}) || !slices.Equal(d["USER"], []string{"65532:65532"}) {
		t.Errorf("it runs %v as %v", d["ENTRYPOINT"], d["USER"])
	}
}

// pinned says that an image names a whole version.
func pinned(image string) bool {
	return regexp.MustCompile(`^[a-z./]+:\d+\.\d+(\.\d+)?(-\w+)?$`).MatchString(image)
}
