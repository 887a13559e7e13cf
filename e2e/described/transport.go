package described

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync"
)

// Transport sends by another one and judges what passes. It changes nothing of it, and holds
// nothing up: a body is judged when its reader has come to its end, and a stream by its head.
type Transport struct {
	Base http.RoundTripper
	// BasePath is a path under which the service may be mounted.
	BasePath string
	// Elsewhere is an address of the service's that is not described, such as the one for
	// /metrics alone.
	Elsewhere string
	// Deviates is told of each deviation, in one line. Many goroutines may call it at once.
	Deviates func(line string)
}

// RoundTrip implements [http.RoundTripper].
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	sent, err := bodyOf(r)
	if err != nil {
		return nil, err
	}
	res, err := t.Base.RoundTrip(r)
	if err != nil || !isJudged(r, res) || r.URL.Host == t.Elsewhere {
		return res, err
	}
	x := t.exchange(r, sent, res)
	if !isDocument(res) {
		t.judge(x)
		return res, nil
	}
	res.Body = &watchedBody{ReadCloser: res.Body, whole: func(body []byte) {
		x.answer = body
		t.judge(x)
	}}
	return res, nil
}

// CloseIdleConnections lets an [http.Client] close those of the other one.
func (t *Transport) CloseIdleConnections() {
	if base, ok := t.Base.(interface{ CloseIdleConnections() }); ok {
		base.CloseIdleConnections()
	}
}

// enough is how many exchanges of one kind are judged in a process. Those behind them say
// nothing new, and to judge one takes milliseconds under the race detector.
const enough = 25

// judging lets one exchange at a time be judged: the library completes the schemas that it
// holds while it judges by them. seen counts them by their kinds.
var (
	judging sync.Mutex
	seen    = make(map[string]int)
)

func (t *Transport) judge(x exchange) {
	judging.Lock()
	defer judging.Unlock()
	kind := x.kind()
	if seen[kind] == enough {
		return
	}
	seen[kind]++
	for _, what := range x.deviations() {
		t.Deviates(fmt.Sprintf("docs/openapi.yaml: %s %s answered %d: %s", x.request.Method, x.request.URL.Path, x.status, what))
	}
}

// kind is the operation, as far as the path tells without the description, with the answer's
// status and type.
func (x *exchange) kind() string {
	parts := strings.Split(strings.Trim(x.request.URL.Path, "/"), "/")
	for i := 1; i < len(parts); i += 2 {
		if parts[0] != "me" || i > 1 {
			parts[i] = "*" // an id
		}
	}
	return fmt.Sprint(x.request.Method, " ", strings.Join(parts, "/"), " ", x.status, " ", mediaType(x.header), mediaType(x.request.Header))
}

// bodyOf is a copy of a request's body. One that can be read only once is left alone, and nil.
func bodyOf(r *http.Request) ([]byte, error) {
	if r.GetBody == nil {
		return nil, nil
	}
	body, err := r.GetBody()
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(body)
}

// isJudged leaves out what is described for all paths alike, and what the service did not answer.
func isJudged(r *http.Request, res *http.Response) bool {
	return r.Method != http.MethodHead && r.Method != http.MethodOptions && res.Header.Get("X-Request-Id") != ""
}

// isDocument says whether an answer's body is judged: JSON, but for a stream of it.
func isDocument(res *http.Response) bool {
	kind := mediaType(res.Header)
	return kind == "application/json" || kind == "application/problem+json"
}

func mediaType(h http.Header) string {
	kind, _, _ := mime.ParseMediaType(h.Get("Content-Type"))
	return kind
}

func (t *Transport) exchange(r *http.Request, sent []byte, res *http.Response) exchange {
	x := exchange{request: r.Clone(r.Context()), sent: sent, status: res.StatusCode, header: res.Header.Clone()}
	x.header.Del("Content-Encoding") // the service packs nothing; a proxy may
	if inner, under := strings.CutPrefix(r.URL.Path, t.BasePath); t.BasePath != "" && under && strings.HasPrefix(inner, "/") {
		x.request.URL.Path, x.request.URL.RawPath = inner, ""
	}
	return x
}

// watchedBody keeps what is read of a body, and passes it on at its end.
type watchedBody struct {
	io.ReadCloser
	read  bytes.Buffer
	whole func(body []byte)
}

func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.read.Write(p[:n])
	if err == io.EOF && b.whole != nil {
		b.whole(b.read.Bytes())
		b.whole = nil
	}
	return n, err
}
