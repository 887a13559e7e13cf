package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"parley/e2e/need"
	"parley/e2e/sse"
)

// front is where clients meet a parley: a proxy in front of it, or itself.
type front struct {
	name string
	// URL is where it listens, without a slash at the end.
	URL       string
	transport *recordingTransport
	// direct says that there is no proxy.
	direct bool
	// bare says that the proxy says nothing of what it was asked, and answers for a
	// parley that is away as it likes.
	bare bool
}

// newFront returns the front once a parley answers there; ended is closed when the
// proxy has ended.
func newFront(t testing.TB, ended <-chan struct{}, f front) *front {
	t.Helper()
	waitWhile(t, ended, func() bool {
		response, err := f.client().Get(f.URL + "/healthz")
		if err != nil {
			return false // it does not listen yet
		}
		response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
	return &f
}

// waitWhile waits until something is so that a proxy brings about, unless that has
// ended.
func waitWhile(t testing.TB, ended <-chan struct{}, so func() bool) {
	t.Helper()
	waitFor(t, func() bool {
		select {
		case <-ended:
			t.Fatal("the proxy has ended")
		default:
		}
		return so()
	})
}

func (f *front) client() *http.Client {
	client := httpClient()
	client.Transport = f.transport
	return client
}

// do sends one request; headers are names and values by turns.
func (f *front) do(ctx context.Context, t testing.TB, method, path, body string, headers ...string) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, method, f.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := f.client().Do(request)
	if err != nil {
		t.Fatalf("%s: %v", f.name, err)
	}
	return response
}

// follow opens a stream as somebody does who could read it compressed. It is closed
// with its test.
func (f *front) follow(t testing.TB, path, token, lastEventID string) *feed {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	headers := []string{"Accept", "text/event-stream", "Accept-Encoding", "gzip", "Authorization", "Bearer " + token}
	if lastEventID != "" {
		headers = append(headers, "Last-Event-ID", lastEventID)
	}
	response := f.do(ctx, t, "GET", path, "", headers...)
	if response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", f.name, response.Status)
	}
	opened := &feed{sse.NewReader(response.Body), response, cancel, lastEventID}
	t.Cleanup(opened.close)
	return opened
}

// idleLimit is how long the tests' proxies let a stream be silent.
const idleLimit = "5s"

// proxied starts each proxy in front of the server, with the configuration that is
// shipped for it. In the tests it compresses what it can.
func proxied(t testing.TB, p *process) []*front {
	t.Helper()
	return []*front{nginx(t, p), bareNginx(t, p), haproxy(t, p), caddy(t, p)}
}

func nginx(t testing.TB, p *process) *front {
	t.Helper()
	listen := "127.0.0.1:" + strconv.Itoa(port(t))
	ended := runNginx(t, "gzip_types *;", shipped(t, "nginx.conf",
		"listen 80;", "listen "+listen+";",
		"127.0.0.1:8080", p.Addr(),
		"proxy_read_timeout 60s;", "proxy_read_timeout "+idleLimit+";"))
	return newFront(t, ended, front{name: "nginx", URL: "http://" + listen, transport: transport})
}

// balanced is nginx in front of several instances, by turns. One that takes no connection is
// passed over, each time anew.
func balanced(t testing.TB, instances ...*process) *front {
	t.Helper()
	listen := "127.0.0.1:" + strconv.Itoa(port(t))
	var servers strings.Builder
	for _, p := range instances {
		fmt.Fprintf(&servers, "server %s max_fails=0;\n", p.Addr())
	}
	ended := runNginx(t, "", shipped(t, "nginx.conf",
		"listen 80;", "listen "+listen+";",
		"server 127.0.0.1:8080;", servers.String()))
	return newFront(t, ended, front{name: "nginx", URL: "http://" + listen, transport: transport})
}

// bareNginx compresses what nginx does by itself where gzip is on: to be told not
// to, it would have to be told more.
func bareNginx(t testing.TB, p *process) *front {
	t.Helper()
	listen := "127.0.0.1:" + strconv.Itoa(port(t))
	ended := runNginx(t, "proxy_read_timeout "+idleLimit+";", shipped(t, "nginx-bare.conf",
		"listen 80;", "listen "+listen+";",
		"127.0.0.1:8080", p.Addr()))
	return newFront(t, ended, front{name: "nginx bare", URL: "http://" + listen, transport: transport, bare: true})
}

// runNginx runs it as one process, which so ends as a whole, and writes nowhere but
// to its folder.
func runNginx(t testing.TB, settings, site string) (ended <-chan struct{}) {
	t.Helper()
	folder := t.TempDir()
	write(t, folder, "site.conf", site)
	return runProxy(t, folder, need.Nginx(t), "-e", "stderr", "-p", folder, "-c", write(t, folder, "nginx.conf", `
daemon off;
master_process off;
pid nginx.pid;
error_log stderr;
events {}
http {
    access_log /dev/stdout;
    client_body_temp_path client;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    gzip on;
    gzip_proxied any;
    gzip_min_length 0;
    `+settings+`
    include site.conf;
}
`))
}

func haproxy(t testing.TB, p *process) *front {
	t.Helper()
	folder, listen := t.TempDir(), "127.0.0.1:"+strconv.Itoa(port(t))
	ended := runProxy(t, folder, need.HAProxy(t), "-f", write(t, folder, "defaults.cfg", `
global
    maxconn 1000
    log stdout format raw daemon
defaults
    mode http
    log global
    option httplog
    compression algo gzip
`), "-f", write(t, folder, "haproxy.cfg", shipped(t, "haproxy.cfg",
		"bind :80", "bind "+listen,
		"127.0.0.1:8080", p.Addr(),
		"timeout client 60s", "timeout client "+idleLimit,
		"timeout server 60s", "timeout server "+idleLimit)))
	return newFront(t, ended, front{name: "HAProxy", URL: "http://" + listen, transport: transport})
}

// caddy speaks https, under a certificate of its own making.
func caddy(t testing.TB, p *process) *front {
	t.Helper()
	folder, address := t.TempDir(), "https://localhost:"+strconv.Itoa(port(t))
	write(t, folder, "site", shipped(t, "Caddyfile",
		"chat.example.org {", address+` {
	bind 127.0.0.1
	log {
		output stdout
	}
	encode {
		gzip
		minimum_length 1
		match {
			header Content-Type *
		}
	}`,
		"127.0.0.1:8080", p.Addr(),
		"read_timeout 60s", "read_timeout "+idleLimit))
	ended := runProxy(t, folder, need.Caddy(t), "run", "--adapter", "caddyfile", "--config", write(t, folder, "Caddyfile", `
{
	admin off
	local_certs
	skip_install_trust
	auto_https disable_redirects
	storage file_system `+folder+`
	servers {
		protocols h1 h2
	}
}
import site
`))
	authority := x509.NewCertPool()
	waitWhile(t, ended, func() bool {
		certificate, _ := os.ReadFile(filepath.Join(folder, "pki", "authorities", "local", "root.crt")) // not there at first
		return authority.AppendCertsFromPEM(certificate)
	})
	trusting := &recordingTransport{Transport: transport.Clone()}
	trusting.TLSClientConfig = &tls.Config{RootCAs: authority}
	t.Cleanup(trusting.CloseIdleConnections)
	return newFront(t, ended, front{name: "Caddy", URL: address, transport: trusting})
}

// shipped is a configuration as it is shipped, but for addresses and times; each
// replacement, of the first by the second, has something to replace.
func shipped(t testing.TB, file string, replacements ...string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "docs", "proxies", file))
	if err != nil {
		t.Fatal(err)
	}
	text := string(content)
	for i := 0; i < len(replacements); i += 2 {
		if !strings.Contains(text, replacements[i]) {
			t.Fatalf("%s does not say %q", file, replacements[i])
		}
		text = strings.ReplaceAll(text, replacements[i], replacements[i+1])
	}
	return text
}

func write(t testing.TB, folder, name, content string) (path string) {
	t.Helper()
	path = filepath.Join(folder, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// runProxy runs a proxy in the folder until the test ends. What it prints is kept
// for the search at the end.
func runProxy(t testing.TB, folder, path string, arguments ...string) (ended <-chan struct{}) {
	t.Helper()
	cmd := exec.Command(path, arguments...)
	cmd.Dir, cmd.Env = folder, append(cleanEnvironment(), "HOME="+folder, "XDG_CONFIG_HOME="+folder)
	outFile, errFile := newOutput("out"), newOutput("err")
	out, err := os.Create(outFile)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	problems, err := os.Create(errFile)
	if err != nil {
		t.Fatal(err)
	}
	defer problems.Close()
	cmd.Stdout, cmd.Stderr = out, problems
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		cmd.Wait()
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-over
		if t.Failed() {
			t.Logf("%s printed:\n%s%s", filepath.Base(path), lastLines(content(outFile), 40), lastLines(content(errFile), 40))
		}
	})
	return over
}
