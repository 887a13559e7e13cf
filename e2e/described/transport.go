package described

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
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
	// Deviates is told of each deviation, in one line, before the next [Wait] returns.
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
		x.Answer = body
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

func (t *Transport) judge(x *Exchange) {
	judgeLater(Question{Exchange: x}, func(what string) {
		path, _, _ := strings.Cut(x.URL, "?")
		t.Deviates(fmt.Sprintf("docs/openapi.yaml: %s %s answered %d: %s", x.Method, path, x.Status, what))
	})
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
	kind := MediaType(res.Header)
	return kind == "application/json" || kind == "application/problem+json"
}

// MediaType is that of a body, without its parameters; empty where none is named.
func MediaType(h http.Header) string {
	kind, _, _ := mime.ParseMediaType(h.Get("Content-Type"))
	return kind
}

func (t *Transport) exchange(r *http.Request, sent []byte, res *http.Response) *Exchange {
	x := &Exchange{
		Method: r.Method, URL: r.URL.RequestURI(), Requested: r.Header.Clone(), Sent: sent,
		Status: res.StatusCode, Answered: res.Header.Clone(),
	}
	x.Answered.Del("Content-Encoding") // the service packs nothing; a proxy may
	if inner, under := strings.CutPrefix(x.URL, t.BasePath); t.BasePath != "" && under && strings.HasPrefix(inner, "/") {
		x.URL = inner
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
