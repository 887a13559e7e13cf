package server

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"
)

// certificateFiles are the files that hold the server's certificate, with the
// chain behind it, and its key, both in PEM.
type certificateFiles struct{ cert, key string }

// TLS says whether the server is to speak TLS; that its settings are good is not said.
func (s Settings) TLS() bool { return s.TLSCert != "" || s.TLSKey != "" }

// certificate reads the settings of TLS; nil is HTTP in the clear.
func (r *reading) certificate(files certificateFiles) *tls.Certificate {
	const cure = "is missing: name the file of the %s, or leave --%s out too for HTTP in the clear"
	switch {
	case files == certificateFiles{}:
		return nil
	case files.cert == "":
		r.mistake("tls-cert", cure, "key's certificate", "tls-key")
		return nil
	case files.key == "":
		r.mistake("tls-key", cure, "certificate's key", "tls-cert")
		return nil
	}
	pair, mistakes := files.read()
	r.mistakes = append(r.mistakes, mistakes...)
	return pair
}

// read reads both files and sees that they belong together. Nothing of what they
// hold is in its mistakes.
func (f certificateFiles) read() (*tls.Certificate, []error) {
	var r reading
	cert, key := r.file("tls-cert", f.cert), r.file("tls-key", f.key)
	if len(r.mistakes) > 0 {
		return nil, r.mistakes
	}
	if !x509.NewCertPool().AppendCertsFromPEM(cert) {
		r.mistake("tls-cert", "%s holds no certificate: name a PEM file that begins with the server's own", f.cert)
		return nil, r.mistakes
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		r.mistake("tls-key", "%s holds no key of the certificate in %s: %s: name the PEM file of the key that it was made with, without a passphrase",
			f.key, f.cert, oneLine(err))
		return nil, r.mistakes
	}
	return &pair, nil
}

// file reads a file that a setting names.
func (r *reading) file(setting, name string) []byte {
	content, err := os.ReadFile(name)
	if err != nil {
		var at *fs.PathError
		if errors.As(err, &at) {
			err = at.Err
		}
		r.mistake(setting, "%s cannot be read: %s: name a file that is there, or let this user read it", name, oneLine(err))
	}
	return content
}

// certificate is the one that the server shows, and follows its files: a renewed
// certificate is shown without a restart.
type certificate struct {
	files certificateFiles
	log   *slog.Logger

	mu     sync.Mutex
	shown  *tls.Certificate
	looked time.Time
	// told is the mistake in the files that was last logged; empty while there is
	// none.
	told string
}

// lookAgain is how often the files are read at the most.
const lookAgain = 2 * time.Second

// newCertificate shows first until its files hold another; nil is nil.
func newCertificate(files certificateFiles, first *tls.Certificate, log *slog.Logger) *certificate {
	if first == nil {
		return nil
	}
	c := &certificate{files: files, log: log, shown: first, looked: time.Now()}
	if first.Leaf.NotAfter.Before(time.Now()) {
		log.Warn("the certificate has run out; clients will refuse it", "until", first.Leaf.NotAfter)
	}
	return c
}

// tls is how the server speaks TLS with the certificate; nil is nil.
func (c *certificate) tls() *tls.Config {
	if c == nil {
		return nil
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.show}
}

// ReadCertificate reads the certificate's files now, and logs what came of it. Open
// connections go on with the one that they began with. It does nothing on a server that
// speaks HTTP in the clear.
func (s *Server) ReadCertificate() {
	c := s.certificate
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.log.Info("reading the certificate's files")
	c.looked, c.told = time.Now(), ""
	c.look()
}

// show is asked in every handshake.
func (c *certificate) show(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); now.Sub(c.looked) >= lookAgain {
		c.looked = now
		c.look()
	}
	return c.shown, nil
}

// look reads the files again. Whoever renews them writes one after the other, and
// perhaps something wrong: what was shown before goes on until both are good.
func (c *certificate) look() {
	next, mistakes := c.files.read()
	if err := errors.Join(mistakes...); err != nil {
		if text := oneLine(err); text != c.told {
			c.told = text
			c.log.Warn("the certificate's files are no good; the one that they held before is shown on", "error", text)
		}
		return
	}
	c.told = ""
	if !slices.EqualFunc(next.Certificate, c.shown.Certificate, bytes.Equal) {
		c.shown = next
		c.log.Info("the certificate was renewed", "until", next.Leaf.NotAfter)
	}
}
