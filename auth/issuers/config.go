package issuers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"

	"parley/chat"
)

// Config is one entry of the file that names the issuers.
type Config struct {
	Issuer        string   `json:"issuer"`
	Audience      string   `json:"audience"`
	Namespace     string   `json:"namespace"`
	UsernameClaim string   `json:"username_claim"`
	JWKSURL       string   `json:"jwks_url"`
	JWKSFile      string   `json:"jwks_file"`
	SecretFile    string   `json:"secret_file"`
	Algorithms    []string `json:"algorithms"`

	// secret is what the secret's file holds.
	secret []byte
}

const (
	// defaultClaim is the claim by which OpenID Connect tells a user's short name.
	defaultClaim = "preferred_username"
	// ownIssuer is what the service calls itself in its own tokens.
	ownIssuer = "parley"

	// minSecret is the output size of HS256's hash (RFC 7518 section 3.2). minKinds keeps out
	// a few characters over and over.
	minSecret = 32
	minKinds  = 8

	maxConfig = 1 << 20
)

// keyAlgorithms are those of public keys; each is allowed where an entry lists none.
var keyAlgorithms = []jose.SignatureAlgorithm{jose.RS256, jose.PS256, jose.ES256, jose.EdDSA}

// Read reads the file that names the issuers, and what it refers to. Its error joins all
// mistakes, each of one line that names the entry.
func Read(path string) ([]Config, error) {
	text, err := readFile(path, maxConfig)
	if err != nil {
		return nil, err
	}
	var configs []Config
	if err := json.Unmarshal(text, &configs, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("%s is no list of issuers: %w", path, err)
	}
	if len(configs) == 0 {
		return nil, fmt.Errorf("%s names no issuer: list one, or leave the setting out", path)
	}
	var mistakes []error
	for i := range configs {
		c := &configs[i]
		c.complete(filepath.Dir(path))
		for _, mistake := range append(c.check(), repeats(c, configs[:i])...) {
			mistakes = append(mistakes, fmt.Errorf("entry %d (%q): %w", i+1, c.Issuer, mistake))
		}
	}
	return configs, errors.Join(mistakes...)
}

// complete fills in what is left out. Files are named from the folder of the list.
func (c *Config) complete(folder string) {
	if c.UsernameClaim == "" {
		c.UsernameClaim = defaultClaim
	}
	for _, path := range []*string{&c.JWKSFile, &c.SecretFile} {
		if *path != "" && !filepath.IsAbs(*path) {
			*path = filepath.Join(folder, *path)
		}
	}
}

// check returns all that is no good about an entry by itself, and reads its secret.
func (c *Config) check() (mistakes []error) {
	wrong := func(format string, args ...any) { mistakes = append(mistakes, fmt.Errorf(format, args...)) }
	if c.Issuer == "" || c.Issuer == ownIssuer {
		wrong("issuer must be what the tokens say in iss, and not %q, which this service says", ownIssuer)
	}
	if c.Audience == "" {
		wrong("audience is missing: name what the tokens say in aud")
	}
	if chat.CheckNamespace(c.Namespace) != nil {
		wrong("namespace %q must be 1 to 32 of a-z, 0-9 and '-', and begin with a letter or digit", c.Namespace)
	}
	switch sources := c.sources(); {
	case len(sources) != 1:
		wrong("name exactly one of jwks_url, jwks_file and secret_file, not %d", len(sources))
	case c.SecretFile != "":
		mistakes = append(mistakes, c.readSecret())
	case c.JWKSFile != "":
		if _, err := c.loadKeys(context.Background()); err != nil {
			wrong("jwks_file: %w", err)
		}
	default:
		mistakes = append(mistakes, checkURL(c.JWKSURL))
	}
	for _, name := range c.Algorithms {
		if algorithm := jose.SignatureAlgorithm(name); !slices.Contains(c.possible(), algorithm) {
			wrong("algorithm %q cannot be used with this key: take %s", name, list(c.possible()))
		}
	}
	return slices.DeleteFunc(mistakes, func(err error) bool { return err == nil })
}

func (c *Config) sources() []string {
	return slices.DeleteFunc([]string{c.JWKSURL, c.JWKSFile, c.SecretFile}, func(s string) bool { return s == "" })
}

// possible are the algorithms that fit the entry's kind of key. A secret and public keys
// have none in common: a public key must never verify as a secret.
func (c *Config) possible() []jose.SignatureAlgorithm {
	if c.SecretFile != "" {
		return []jose.SignatureAlgorithm{jose.HS256}
	}
	return keyAlgorithms
}

// algorithms are those that a token may be signed by.
func (c *Config) algorithms() []jose.SignatureAlgorithm {
	if len(c.Algorithms) == 0 {
		return c.possible()
	}
	allowed := make([]jose.SignatureAlgorithm, len(c.Algorithms))
	for i, name := range c.Algorithms {
		allowed[i] = jose.SignatureAlgorithm(name)
	}
	return allowed
}

// repeats returns what the entry shares with one before that must be its own.
func repeats(c *Config, before []Config) (mistakes []error) {
	for i, other := range before {
		if other.Issuer == c.Issuer {
			mistakes = append(mistakes, fmt.Errorf("entry %d has the same issuer: give each one entry", i+1))
		}
		if other.Namespace == c.Namespace {
			mistakes = append(mistakes, fmt.Errorf("entry %d has the same namespace, %q: their users could be confused", i+1, c.Namespace))
		}
	}
	return mistakes
}

// readSecret reads the secret: the file's text without the white space around it.
func (c *Config) readSecret() error {
	text, err := readFile(c.SecretFile, maxConfig)
	if err != nil {
		return fmt.Errorf("secret_file: %w", err)
	}
	c.secret = []byte(strings.TrimSpace(string(text)))
	kinds := make(map[byte]struct{})
	for _, b := range c.secret {
		kinds[b] = struct{}{}
	}
	const cure = `make one with "openssl rand -hex 32"`
	switch {
	case len(c.secret) < minSecret:
		return fmt.Errorf("secret_file holds %d bytes and needs %d: %s", len(c.secret), minSecret, cure)
	case len(kinds) < minKinds:
		return fmt.Errorf("secret_file holds a few characters over and over: %s", cure)
	}
	return nil
}

// checkURL refuses an address whose answer could be forged on the way.
func checkURL(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.Fragment != "":
		return errors.New("jwks_url is no address of keys: write https://host/path")
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return fmt.Errorf("jwks_url %s is not https: keys could be forged on the way, so http is for this machine alone", s)
	}
	return nil
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.Unmap().IsLoopback()
}

// readFile reads a file of at most so many bytes. Its error is one line.
func readFile(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readBounded(f, most)
}

func readBounded(r io.Reader, most int64) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, most+1))
	if err == nil && int64(len(text)) > most {
		err = fmt.Errorf("it has more than %d bytes", most)
	}
	return text, err
}

func list(algorithms []jose.SignatureAlgorithm) string {
	names := make([]string, len(algorithms))
	for i, a := range algorithms {
		names[i] = string(a)
	}
	return strings.Join(names, ", ")
}
