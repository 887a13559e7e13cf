package issuers

import (
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"parley/chat"
)

// claims are those of a token. None is there twice.
type claims map[string]jsontext.Value

const (
	// maxToken bounds a token, and by that what is remembered of good ones.
	maxToken = 8 << 10
	// maxText bounds what is hashed or stored of a token.
	maxText = 1024
	// maxSeconds is the end of the year 9999, the last that RFC 3339 can write.
	maxSeconds = 253402300799
)

var errClaim = errors.New("a claim is missing or no good")

// readClaims decodes a token's payload.
func readClaims(payload []byte) (c claims, err error) {
	err = json.Unmarshal(payload, &c)
	if err == nil && c == nil {
		err = errClaim
	}
	return c, err
}

// issuerOf is the issuer that an unverified token names: it decides who has to have signed
// it, and nothing else.
func issuerOf(token string) (string, bool) {
	_, rest, _ := strings.Cut(token, ".")
	part, _, whole := strings.Cut(rest, ".")
	if !whole || len(token) > maxToken {
		return "", false
	}
	payload, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return "", false
	}
	c, err := readClaims(payload)
	if err != nil {
		return "", false
	}
	return c.text("iss")
}

// text is a claim that has to be a string with something in it.
func (c claims) text(name string) (s string, ok bool) {
	err := json.Unmarshal(c[name], &s)
	return s, err == nil && s != "" && len(s) <= maxText && !strings.ContainsRune(s, 0) && utf8.ValidString(s)
}

// optional is a claim that may be absent, but has to be a string where it is there.
func (c claims) optional(name string) (s string, ok bool) {
	if _, there := c[name]; !there {
		return "", true
	}
	return c.text(name)
}

// seconds is a claim that has to be a moment in whole seconds; there says whether it is.
// Fractions and exponents are refused, so that no two readers of a token can differ.
func (c claims) seconds(name string) (at time.Time, there bool, err error) {
	value, there := c[name]
	if !there {
		return time.Time{}, false, nil
	}
	n, err := strconv.ParseInt(string(value), 10, 64)
	if err != nil || n < 0 || n > maxSeconds {
		return time.Time{}, true, errClaim
	}
	return time.Unix(n, 0), true, nil
}

// isFor says that the audience is the one, or a list with it.
func (c claims) isFor(audience string) bool {
	if one, ok := c.text("aud"); ok {
		return one == audience
	}
	var many []string
	if json.Unmarshal(c["aud"], &many) != nil {
		return false
	}
	for _, one := range many {
		if one == audience {
			return true
		}
	}
	return false
}

// times checks when the token begins and ends. A token without an end is refused.
func (c claims) times(now time.Time) (issued, expires time.Time, err error) {
	expires, ends, err := c.seconds("exp")
	if err != nil || !ends || !now.Before(expires) {
		return issued, expires, errClaim
	}
	begins, _, err := c.seconds("nbf")
	if err != nil || now.Before(begins) {
		return issued, expires, errClaim
	}
	issued, said, err := c.seconds("iat")
	if err != nil || issued.Sub(now) > leeway {
		return issued, expires, errClaim
	}
	if !said {
		issued = now.Truncate(time.Second)
	}
	return issued, expires, nil
}

// leeway is how far an issuer's clock may be ahead of this one's.
const leeway = time.Minute

// displayName is what the user wants to be shown as, or "".
func (c claims) displayName() string {
	name, ok := c.text("name")
	if !ok || chat.CheckDisplayName(name) != nil {
		return ""
	}
	return name
}
