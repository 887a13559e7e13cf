package parleytest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// claims are what an access token says (RFC 7519), read without a look at its signature.
type claims map[string]any

var errNoAccessToken = errors.New("this is no access token, such as a login gives: a script token is ended by RevokeToken")

func readClaims(token string) (claims, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, errNoAccessToken
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, errNoAccessToken
	}
	var c claims
	if err := json.Unmarshal(text, &c); err != nil {
		return nil, errNoAccessToken
	}
	return c, nil
}

func (c claims) subject() string {
	sub, _ := c["sub"].(string)
	return sub
}

func (c claims) expires() time.Time {
	exp, _ := c["exp"].(float64)
	return time.Unix(int64(exp), 0)
}

// endedToken is the token as it would be had it been signed an hour earlier than it was, or
// more where it lives for longer. The server itself then says that it has ended.
func endedToken(token string, key []byte) (string, error) {
	c, err := readClaims(token)
	if err != nil {
		return "", err
	}
	issued, _ := c["iat"].(float64)
	expires, _ := c["exp"].(float64)
	earlier := max(3600, 2*(expires-issued))
	c["iat"], c["exp"] = issued-earlier, expires-earlier
	payload, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	header, _, _ := strings.Cut(token, ".")
	signed := header + "." + base64.RawURLEncoding.EncodeToString(payload)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(signed))
	return signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)), nil
}
