package server_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// issued is a certificate that signs itself, for this machine's own address, in
// two files.
type issued struct {
	cert, key string
	// known takes it for good.
	known *x509.CertPool
}

// issue writes a certificate with its name and key into the files of a folder.
func issue(t *testing.T, folder, name string) issued {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	i := issued{filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem"), x509.NewCertPool()}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	i.known.AppendCertsFromPEM(certPEM)
	write(t, i.cert, certPEM)
	write(t, i.key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))
	return i
}

func write(t *testing.T, file string, content []byte) {
	t.Helper()
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// secured is a house that speaks TLS, whose client knows its certificate.
type secured struct {
	*house
	issued
	dialled *atomic.Int32
}

func openTLS(t *testing.T, change ...func(*settings)) secured {
	t.Helper()
	i := issue(t, t.TempDir(), "first")
	h := open(t, append(change, func(s *settings) { s.TLSCert, s.TLSKey = i.cert, i.key })...)
	h.keepSecret(i.key)
	h.url = "https://" + h.srv.Addr().String()
	return secured{h, i, h.speak(&http.Transport{TLSClientConfig: &tls.Config{RootCAs: i.known}, ForceAttemptHTTP2: true})}
}

// keepSecret keeps a key's file out of the log.
func (h *house) keepSecret(file string) {
	h.t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		h.t.Fatal(err)
	}
	lines := strings.Split(string(content), "\n")
	h.secrets = append(h.secrets, lines[1:len(lines)-2]...)
}

// speak gives the house's client another transport, and counts its connections.
func (h *house) speak(transport *http.Transport) *atomic.Int32 {
	h.t.Helper()
	var dialled atomic.Int32
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		dialled.Add(1)
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	h.client.Transport = h.watched(transport)
	h.t.Cleanup(transport.CloseIdleConnections)
	return &dialled
}

func TestHundredsOfStreamsShareOneConnectionOfHTTP2(t *testing.T) {
	t.Parallel()
	for name, house := range map[string]func(*testing.T) (*house, *atomic.Int32){
		"over TLS": func(t *testing.T) (*house, *atomic.Int32) {
			s := openTLS(t)
			return s.house, s.dialled
		},
		"in the clear": func(t *testing.T) (*house, *atomic.Int32) {
			h := open(t)
			var h2c http.Protocols
			h2c.SetUnencryptedHTTP2(true)
			return h, h.speak(&http.Transport{Protocols: &h2c})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, dialled := house(t)
			ann := h.user("ann")
			h.chat("lobby", ann)
			var streams []*stream
			for range 400 {
				s := h.follow("/chats/lobby/stream", ann...)
				s.until("event: ready")
				streams = append(streams, s)
			}
			h.say("lobby", "heard-by-all", ann)
			for _, s := range streams {
				s.until("heard-by-all")
			}
			if n := dialled.Load(); n != 1 {
				t.Errorf("%d connections", n)
			}
		})
	}
}

func TestOverTLSCookiesAreBoundToThisHostAndKeptFromHTTP(t *testing.T) {
	t.Parallel()
	h := openTLS(t)
	h.user("ann")
	a := h.do("POST", "/login", "username=ann&cookie=true&password="+password, "Content-Type", asForm).want(200)
	for _, ck := range a.cookies() {
		if !strings.HasPrefix(ck.Name, "__Host-") || !ck.Secure || ck.Path != "/" || ck.Domain != "" {
			t.Errorf("%s", ck.Name)
		}
	}
	browser := []string{"Cookie", a.cookieHeader(), "Origin", h.url}
	h.do("POST", "/chats", "id=lobby", with(browser, "Content-Type", asForm)...).want(201)
	h.follow("/chats/lobby/stream", browser...).until("event: ready")
	h.do("POST", "/chats", "id=den", "Cookie", a.cookieHeader(), "Origin", "http://"+h.srv.Addr().String(), "Content-Type", asForm).want(403)
}

func TestClientsWithoutHTTP2AreServedOverTLSToo(t *testing.T) {
	t.Parallel()
	h := openTLS(t)
	h.speak(&http.Transport{TLSClientConfig: &tls.Config{RootCAs: h.known, MaxVersion: tls.VersionTLS12}})
	ann := h.user("ann")
	h.chat("lobby", ann)
	res := h.send("GET", "/chats/lobby/stream?limit=1", http.NoBody, ann...)
	defer res.Body.Close()
	if res.ProtoMajor != 1 || res.TLS.Version != tls.VersionTLS12 {
		t.Errorf("%s over %s", res.Proto, tls.VersionName(res.TLS.Version))
	}
	h.say("lobby", "heard-over-1.1", ann)
	if all, err := io.ReadAll(res.Body); err != nil || !strings.Contains(string(all), "heard-over-1.1") {
		t.Errorf("%s %v", all, err)
	}
}

func TestTLSBefore12IsRefused(t *testing.T) {
	t.Parallel()
	h := openTLS(t)
	_, err := tls.Dial("tcp", h.srv.Addr().String(), &tls.Config{RootCAs: h.known, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
	if err == nil || !strings.Contains(err.Error(), "protocol version") {
		t.Errorf("%v", err)
	}
}

func TestADrainEndsStreamsOfHTTP2AndItsConnections(t *testing.T) {
	t.Parallel()
	h := openTLS(t)
	ann := h.user("ann")
	h.chat("lobby", ann)
	s := h.follow("/chats/lobby/stream", ann...)
	s.until("event: ready")
	began := time.Now()
	h.stop()
	s.until(`{"reason":"shutdown"}`)
	if _, err := s.r.ReadByte(); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("a shutdown looks like a final end: %v", err)
	}
	h.drained()
	// What does not end is cut off after 11 s.
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestARenewedCertificateIsShownWithoutARestart(t *testing.T) {
	t.Parallel()
	h := openTLS(t)
	shown := func() string {
		t.Helper()
		// No certificate is checked: which one it is, is the question.
		conn, err := tls.Dial("tcp", h.srv.Addr().String(), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].Subject.CommonName
	}
	eventually := func(claim string, holds func() bool) {
		t.Helper()
		h.eventually(claim, func() bool {
			if holds() {
				return true
			}
			time.Sleep(50 * time.Millisecond) // a handshake is not cheap
			return false
		})
	}
	if name := shown(); name != "first" {
		t.Fatalf("%q is shown", name)
	}
	second := issue(t, t.TempDir(), "second")
	h.keepSecret(second.key)
	move(t, second.cert, h.cert)
	eventually("a certificate without its key is complained of", func() bool {
		name := shown()
		if name != "first" {
			t.Fatalf("%q is shown, whose key is not there yet", name)
		}
		return strings.Contains(h.log.String(), "level=WARN msg=\"the certificate's files are no good")
	})
	move(t, second.key, h.key)
	eventually("the new certificate is shown", func() bool { return shown() == "second" })
	if n := strings.Count(h.log.String(), "the certificate's files are no good"); n != 1 {
		t.Errorf("complained %d times", n)
	}
}

func move(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func TestOverTLSTheAddressAndTheLinesToPasteSaySo(t *testing.T) {
	t.Parallel()
	h := openTLS(t)
	var b strings.Builder
	h.srv.Welcome(&b)
	if !strings.HasPrefix(b.String(), "parley listening on "+h.url+"\n") {
		t.Errorf("the first line:\n%s", b.String())
	}
	for _, line := range []string{
		"curl -k " + h.url + "/users -d username=ann -d password=correct-horse",
		"curl -k -N " + h.url + "/chats/lobby/stream -b ann.jar",
		"curl -k " + h.url + "/chats/lobby/messages -b ann.jar -d hello",
	} {
		if !strings.Contains(b.String(), "\n"+line+"\n") {
			t.Errorf("without %q:\n%s", line, b.String())
		}
	}
}
