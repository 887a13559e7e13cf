package natsbus

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/nats-io/nats.go"
)

// Address is where the servers are and how to be let in, as one text:
//
//	nats://user:password@host:4222,nats://other:4222?prefix=chat&credentials=FILE
//
// Servers are separated by commas; tls:// demands TLS. Behind the last one, as a query:
// prefix (the first word of the subject, parley unless set: services with different ones do
// not hear each other), credentials (a file of a user's JWT and key), ca (a file of
// certificates to trust), cert and key (files of the client's own certificate).
type Address struct {
	servers []string
	subject string
	options []nats.Option
}

// ParseAddress reads an address. Its errors do not repeat the text, which may hold a
// password.
func ParseAddress(text string) (Address, error) {
	servers, query, _ := strings.Cut(text, "?")
	a := Address{servers: strings.Split(servers, ","), subject: defaultPrefix + suffix}
	for _, server := range a.servers {
		u, err := url.Parse(server)
		if err != nil || u.Scheme != "nats" && u.Scheme != "tls" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.Fragment != "" {
			return Address{}, errors.New("is no address of NATS: write nats://user:password@host:4222, several separated by commas")
		}
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return Address{}, errors.New("has a query that cannot be read: write ?name=value&name=value")
	}
	for name, value := range values {
		if len(value) != 1 || value[0] == "" {
			return Address{}, fmt.Errorf("names %s without a value, or twice", name)
		}
		switch v := value[0]; name {
		case "prefix":
			if !isPrefix(v) {
				return Address{}, errors.New("has a prefix that is no subject: take letters, digits, - and _, with dots between words")
			}
			a.subject = v + suffix
		case "credentials":
			a.options = append(a.options, nats.UserCredentials(v))
		case "ca":
			a.options = append(a.options, nats.RootCAs(v))
		case "cert":
			if values.Get("key") == "" {
				return Address{}, errors.New("names cert without key")
			}
			a.options = append(a.options, nats.ClientCert(v, values.Get("key")))
		case "key":
			if values.Get("cert") == "" {
				return Address{}, errors.New("names key without cert")
			}
		default:
			return Address{}, fmt.Errorf("names %q, which is none of prefix, credentials, ca, cert and key", name)
		}
	}
	return a, nil
}

const (
	defaultPrefix = "parley"
	suffix        = ".hints"
)

// isPrefix says that a text is a subject without wildcards.
func isPrefix(s string) bool {
	for word := range strings.SplitSeq(s, ".") {
		if word == "" || strings.Trim(word, wordCharacters) != "" {
			return false
		}
	}
	return len(s) <= 100
}

const wordCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
