//go:build unix

package e2e

import (
	"crypto/tls"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"parley/e2e/need"
	"parley/e2e/need/natsserver"
)

func TestNATSLetsInByPasswordAndAWrongOneStopsTheStart(t *testing.T) {
	t.Parallel()
	s := natsserver.Start(t, func(o *server.Options) { o.Username, o.Password = "ann", "geheim" })
	address := strings.Replace(s.URL, "://", "://ann:geheim@", 1)
	hearAtOnce(t, address, "by password")
	for _, wrong := range []string{s.URL, strings.Replace(address, "geheim", "verraten", 1)} {
		line := refusedStart(t, "--database", need.Postgres(t), "--jwt-secret", sharedSecret, "--bus", wrong)
		wantInLine(t, line, "--bus", "credentials")
		if strings.Contains(line, "verraten") {
			t.Errorf("it repeats the password: %q", line)
		}
	}
}

func TestNATSIsReachedOverTLSWhereItsCertificateIsTrusted(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	cert, key := filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	issue(t, cert, key, "nats")
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	s := natsserver.Start(t, func(o *server.Options) {
		o.TLS, o.TLSConfig = true, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	})
	address := strings.Replace(s.URL, "nats://", "tls://", 1)
	hearAtOnce(t, address+"?ca="+url.QueryEscape(cert), "over TLS")
	// Who does not trust it serves without the bus.
	p := servePostgres(t, need.Postgres(t), "--bus", address)
	awaitBus(t, p, "down")
}

func TestServicesWithPrefixesOfTheirOwnShareAClusterOfNATS(t *testing.T) {
	t.Parallel()
	s := natsserver.Start(t, nil)
	listener, err := nats.Connect(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	heard := make(chan *nats.Msg, 1000)
	if _, err := listener.ChanSubscribe(">", heard); err != nil {
		t.Fatal(err)
	}
	if err := listener.Flush(); err != nil {
		t.Fatal(err)
	}
	hearAtOnce(t, s.URL+"?prefix=chat.eu", "of a service with a prefix")
	await(t, "something is heard", func() bool { return len(heard) > 0 })
	for len(heard) > 0 {
		if m := <-heard; m.Subject != "chat.eu.hints" {
			t.Errorf("it speaks on %s", m.Subject)
		}
	}
}

// What does not fit travels as a position.
func TestAMessageThatIsLargerThanNATSTakesIsHeardOfAtOnce(t *testing.T) {
	t.Parallel()
	s := natsserver.Start(t, func(o *server.Options) { o.MaxPayload = 1024 })
	a, _ := hearAtOnce(t, s.URL, strings.Repeat("long ", 1000))
	if metric(t, a, "parley_bus_sent_total") == 0 {
		t.Error("nothing was sent")
	}
}
