package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
)

const (
	// secretSize is that of SHA-256's output, so that a first token looks like
	// every other.
	secretSize = sha256.Size
	// maxSessionID is longer than any id that was ever given.
	maxSessionID = 64
)

// refreshToken is a session's refresh token number generation. Its text is
// "<session>.<generation>.<secret>", the secret in base64url.
type refreshToken struct {
	session    string
	generation int64
	secret     [secretSize]byte
}

var base64url = base64.RawURLEncoding.Strict()

// firstRefreshToken is number 0 of a session, whose secret is random.
func firstRefreshToken(session string) refreshToken {
	t := refreshToken{session: session}
	// It never fails: the runtime ends the process rather than give bad
	// randomness.
	_, _ = rand.Read(t.secret[:])
	return t
}

// parseRefreshToken reads exactly the texts that String writes.
func parseRefreshToken(s string) (refreshToken, bool) {
	parts := strings.SplitN(s, ".", 4)
	if len(parts) != 3 || !IsSessionID(parts[0]) {
		return refreshToken{}, false
	}
	t := refreshToken{session: parts[0]}
	var err error
	t.generation, err = strconv.ParseInt(parts[1], 10, 64)
	if err != nil || t.generation < 0 {
		return refreshToken{}, false
	}
	secret, err := base64url.DecodeString(parts[2])
	if err != nil || len(secret) != secretSize {
		return refreshToken{}, false
	}
	copy(t.secret[:], secret)
	// One token has one text: no sign, no leading zero, no line break that the
	// decoder passes over.
	return t, t.String() == s
}

// IsSessionID says whether s has the form of a session's id. What has not is asked of no
// store, which may not even be able to take it.
func IsSessionID(s string) bool {
	if len(s) == 0 || len(s) > maxSessionID {
		return false
	}
	for i := range len(s) {
		switch b := s[i]; {
		case 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', '0' <= b && b <= '9', b == '-', b == '_':
		default:
			return false
		}
	}
	return true
}

// String is the token as the client has it.
func (t refreshToken) String() string {
	return t.session + "." + strconv.FormatInt(t.generation, 10) + "." + base64url.EncodeToString(t.secret[:])
}

// hash is all that is stored of a token.
func (t refreshToken) hash() []byte {
	sum := sha256.Sum256([]byte(t.String()))
	return sum[:]
}

// walk is the token that follows after n refreshes under one key.
func (t refreshToken) walk(key []byte, n int64) refreshToken {
	for range n {
		t = t.successor(key)
	}
	return t
}

// successor is the session's next token.
func (t refreshToken) successor(key []byte) refreshToken {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(t.String()))
	next := refreshToken{session: t.session, generation: t.generation + 1}
	mac.Sum(next.secret[:0])
	return next
}
