//go:build unix

package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// heedHangups has what this process starts begin with SIGHUP as it is by default, also
// where the tests run under nohup.
func heedHangups(t *testing.T) {
	t.Helper()
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGHUP)
	t.Cleanup(func() { signal.Stop(c) })
}

func TestAHangupDrains(t *testing.T) {
	t.Parallel()
	heedHangups(t)
	drainsWithAWord(t, serve(t), syscall.SIGHUP)
}

// A terminal that closes, and systemd with SendSIGHUP=yes, send more than one.
func TestAHangupDuringADrainDoesNotEndIt(t *testing.T) {
	t.Parallel()
	heedHangups(t)
	for _, first := range []syscall.Signal{syscall.SIGHUP, syscall.SIGTERM} {
		t.Run(first.String(), func(t *testing.T) {
			t.Parallel()
			p := serve(t)
			release := holdARequest(t, p)
			p.Signal(first)
			awaitRefusal(t, p)
			for range 3 {
				p.Signal(syscall.SIGHUP)
			}
			release()
			if code := p.ExitCode(); code != 0 {
				t.Errorf("it ended with exit code %d: %v", code, p.cmd.ProcessState)
			}
		})
	}
}

func TestASecondInterruptEndsAtOnce(t *testing.T) {
	t.Parallel()
	p := serve(t)
	holdARequest(t, p)
	p.Signal(os.Interrupt)
	awaitRefusal(t, p)
	p.Signal(os.Interrupt)
	began := time.Now()
	p.ExitCode()
	status, _ := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !status.Signaled() || status.Signal() != syscall.SIGINT {
		t.Errorf("behind the second SIGINT it ended after %v: %v", time.Since(began), p.cmd.ProcessState)
	}
}

// What was started with SIGHUP ignored, as nohup does, goes on.
func TestAnIgnoredHangupStaysIgnored(t *testing.T) {
	t.Parallel()
	p := prepared(t)
	p.through = []string{"sh", "-c", `trap "" HUP && exec "$@"`, "sh"}
	p.start()
	p.Signal(syscall.SIGHUP)
	for range 3 {
		if err := healthy(p); err != nil {
			t.Fatal(err)
		}
	}
	drainsWithAWord(t, p, syscall.SIGTERM)
}

// holdARequest opens a request that keeps a drain waiting until it is released.
func holdARequest(t *testing.T, p *process) (release func()) {
	t.Helper()
	who := newPerson(t, p)
	token := who.login(p).Token
	conn, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	const head = "POST /chats HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\nAuthorization: Bearer "
	if _, err := conn.Write([]byte(head + token + "\r\nExpect: 100-continue\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	// The handler reads the body: it is under way.
	if _, err := conn.Read(make([]byte, 64)); err != nil {
		t.Fatal(err)
	}
	return func() { _, _ = conn.Write([]byte("{}")) }
}

// awaitRefusal waits until the server takes no connections any more: it drains.
func awaitRefusal(t *testing.T, p *process) {
	t.Helper()
	waitFor(t, func() bool {
		conn, err := net.Dial("tcp", p.Addr())
		if err != nil {
			return true
		}
		conn.Close()
		return false
	})
}

// issue writes a certificate of this machine's address, and its key, and returns who
// takes it for good.
func issue(t *testing.T, cert, key, name string) *x509.CertPool {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for path, content := range map[string][]byte{cert: certPEM, key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(certPEM)
	return pool
}

func TestAHangupReadsTheCertificateAnew(t *testing.T) {
	t.Parallel()
	heedHangups(t)
	folder := t.TempDir()
	cert, key := filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	trusted := issue(t, cert, key, "first")
	p := serve(t, "--tls-cert", cert, "--tls-key", key)
	shown := func() string {
		conn, err := tls.Dial("tcp", p.Addr(), &tls.Config{RootCAs: trusted, InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].Subject.CommonName
	}
	old := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}}}
	defer old.CloseIdleConnections()
	healthyOver := func() *http.Response {
		response, err := old.Get(p.URL + "/healthz")
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		// Read to its end, so that the connection is kept.
		if _, err := io.Copy(io.Discard, response.Body); err != nil {
			t.Fatal(err)
		}
		return response
	}
	healthyOver()

	issue(t, cert, key, "second")
	p.Signal(syscall.SIGHUP)
	waitFor(t, func() bool { return linesWith(p.Stderr(), "the certificate was renewed") == 1 })
	if name := shown(); name != "second" {
		t.Errorf("behind SIGHUP the %s certificate is shown", name)
	}
	// The client trusts the first one alone: this is the connection that it had.
	if name := healthyOver().TLS.PeerCertificates[0].Subject.CommonName; name != "first" {
		t.Errorf("the old connection shows the %s certificate", name)
	}

	if err := os.WriteFile(cert, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for round := range 2 { // each is asked for, and so each is answered
		p.Signal(syscall.SIGHUP)
		waitFor(t, func() bool { return linesWith(p.Stderr(), "the certificate's files are no good") > round })
	}
	if name := shown(); name != "second" {
		t.Errorf("behind a bad file the %s certificate is shown", name)
	}
	healthyOver()
	if code := p.Terminate(); code != 0 {
		t.Errorf("it ended with exit code %d", code)
	}
}
