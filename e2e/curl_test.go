package e2e

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// curl is as much of curl as the stories need, because a machine that runs the
// tests need not have it: -d (several are joined by &, and make a form that is
// posted), -H, -X, -b and -c with a file of cookies, -N, and -f, which fails on
// 400 and above.
func (s *story) curl(ts *testscript.TestScript, neg bool, args []string) {
	call, err := parseCurl(ts, args)
	ts.Check(err)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	status, err := call.run(ctx, ts.Stdout())
	ts.Check(err)
	failed := call.fail && status >= 400
	if failed {
		fmt.Fprintf(ts.Stderr(), "curl: (22) The requested URL returned error: %d\n", status)
	}
	if failed != neg {
		ts.Fatalf("status %d", status)
	}
}

// curlInBackground writes what is answered to a file, until the answer or the
// script ends.
func (s *story) curlInBackground(ts *testscript.TestScript, args []string, name string) {
	call, err := parseCurl(ts, args)
	ts.Check(err)
	file, err := os.Create(ts.MkAbs(name))
	ts.Check(err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer file.Close()
		if _, err := call.run(ctx, file); err != nil {
			fmt.Fprintf(file, "\ncurl: %v\n", err)
		}
	}()
	ts.Defer(func() {
		cancel()
		<-done
	})
}

type curlCall struct {
	method, url       string
	data              []string
	header            http.Header
	readJar, writeJar string
	fail              bool
}

func parseCurl(ts *testscript.TestScript, args []string) (*curlCall, error) {
	call := &curlCall{header: http.Header{}}
	for len(args) > 0 {
		option := args[0]
		args = args[1:]
		if !strings.HasPrefix(option, "-") {
			call.url = option
			continue
		}
		switch option {
		case "-N":
			continue
		case "-f":
			call.fail = true
			continue
		}
		if len(args) == 0 {
			return nil, fmt.Errorf("curl: option %s: requires parameter", option)
		}
		value := args[0]
		args = args[1:]
		switch option {
		case "-d":
			call.data = append(call.data, value)
		case "-X":
			call.method = value
		case "-H":
			name, content, _ := strings.Cut(value, ":")
			call.header.Set(name, strings.TrimSpace(content))
		case "-b":
			call.readJar = ts.MkAbs(value)
		case "-c":
			call.writeJar = ts.MkAbs(value)
		default:
			return nil, fmt.Errorf("curl: option %s: is unknown", option)
		}
	}
	if !strings.Contains(call.url, "://") {
		call.url = "http://" + call.url
	}
	return call, nil
}

// run sends the request, writes the answer as it comes, and returns its status.
func (c *curlCall) run(ctx context.Context, out io.Writer) (int, error) {
	method := http.MethodGet
	var body io.Reader
	if c.data != nil {
		method, body = http.MethodPost, strings.NewReader(strings.Join(c.data, "&"))
	}
	if c.method != "" {
		method = c.method
	}
	request, err := http.NewRequestWithContext(ctx, method, c.url, body)
	if err != nil {
		return 0, err
	}
	if c.data != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	request.Header.Set("Accept", "*/*")
	for name, values := range c.header {
		request.Header[name] = values
	}
	if c.readJar != "" {
		if err := addCookies(request, c.readJar); err != nil {
			return 0, err
		}
	}
	response, err := httpClient().Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	if c.writeJar != "" {
		if err := writeCookies(response, c.writeJar); err != nil {
			return 0, err
		}
	}
	_, err = io.Copy(out, response.Body)
	return response.StatusCode, err
}

// addCookies reads a file of cookies in Netscape's format: domain, whether its
// subdomains too, path, whether by https alone, expiry, name, value.
func addCookies(request *http.Request, jar string) error {
	file, err := os.Open(jar)
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		fields := strings.Split(strings.TrimPrefix(lines.Text(), "#HttpOnly_"), "\t")
		if len(fields) == 7 {
			request.AddCookie(&http.Cookie{Name: fields[5], Value: fields[6]})
		}
	}
	return lines.Err()
}

func writeCookies(response *http.Response, jar string) error {
	var lines strings.Builder
	lines.WriteString("# Netscape HTTP Cookie File\n")
	for _, cookie := range response.Cookies() {
		if cookie.HttpOnly {
			lines.WriteString("#HttpOnly_")
		}
		expires := strconv.FormatInt(time.Now().Add(time.Duration(cookie.MaxAge)*time.Second).Unix(), 10)
		lines.WriteString(strings.Join([]string{
			response.Request.URL.Hostname(), "FALSE", cookie.Path, "FALSE", expires, cookie.Name, cookie.Value,
		}, "\t") + "\n")
	}
	return os.WriteFile(jar, []byte(lines.String()), 0o600)
}
