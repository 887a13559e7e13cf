package e2e

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/security"
	"github.com/chromedp/chromedp"

	"parley/e2e/need"
)

// certificateFiles are files with a certificate, which nobody trusts, and its key.
func certificateFiles(t *testing.T) (cert, key string) {
	t.Helper()
	// Its own, which net/http/httptest shows to its clients.
	source := httptest.NewTLSServer(nil)
	defer source.Close()
	pair := source.TLS.Certificates[0]
	der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("cert.pem", "CERTIFICATE", pair.Certificate[0]), write("key.pem", "PRIVATE KEY", der)
}

// trust has the browser take every certificate.
func (b *browser) trust() {
	b.t.Helper()
	b.do("taking every certificate", chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, security.SetIgnoreCertificateErrors, security.SetIgnoreCertificateErrorsParams{Ignore: true})
		return err
	}))
}

// A browser opens six connections of HTTP/1.1 to one host: a seventh stream would
// wait, and so would the page's every request.
func TestOverHTTPSABrowserHasTenStreamsAtOnceAndEachComesBackAfterItsReset(t *testing.T) {
	t.Parallel()
	need.Chromium(t)
	cert, key := certificateFiles(t)
	server := serve(t, "--tls-cert", cert, "--tls-key", key, "--rotate", "3s")
	ann := browse(t, "ann", "about:blank")
	ann.trust()
	ann.do("opening the page", chromedp.Navigate(server.URL+"/healthz"))
	const text = "heard-ten-times-over"
	secrets.add("a text", text)
	value[bool](ann, fmt.Sprintf(`
		window.post = (path, fields) => fetch(path, { method: "POST", body: new URLSearchParams(fields) });
		window.sources = [];
		(async () => {
			const who = { username: "ann", password: %q };
			await post("/users", who);
			await post("/login", { ...who, cookie: true });
			await post("/chats", { id: "lobby" });
			for (let i = 0; i < 10; i++) {
				const s = new EventSource("/chats/lobby/stream");
				s.opened = s.heard = 0;
				s.addEventListener("ready", () => s.opened++);
				s.onmessage = (e) => { if (JSON.parse(e.data).text === %q) s.heard++; };
				sources.push(s);
			}
		})();
		true`, newPassword(), text))
	ann.await("ten streams are open", `sources.length === 10 && sources.every((s) => s.readyState === EventSource.OPEN && s.opened > 0)`)
	value[bool](ann, fmt.Sprintf(`post("/messages", { chat: "lobby", text: %q }); true`, text))
	ann.await("each shows the message", `sources.every((s) => s.heard > 0)`)
	ann.await("each was reset and came back", `sources.every((s) => s.opened > 1)`)
	if !value[bool](ann, `sources.every((s) => s.heard === 1)`) {
		t.Error("a message is shown twice")
	}
	if protocol := value[string](ann, `performance.getEntriesByType("navigation")[0].nextHopProtocol`); protocol != "h2" {
		t.Errorf("the browser speaks %s", protocol)
	}
}
