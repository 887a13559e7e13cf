package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"hash/crc32"
	"math/big"
	"strings"

	"parley/chat"
)

// ScriptToken is a script token with its secret. Its text is
//
//	parley_<id><secret><checksum>
//
// where the id is that of the token's session, 26 letters and digits of base32, the secret is
// 256 random bits as 43 letters and digits of base62, and the checksum is the CRC-32 (IEEE) of
// all that stands before it, as 6 of base62. The digits of base62 are 0-9, a-z, A-Z; the
// numbers are big-endian and filled up with 0. So all script tokens, and hardly anything else,
// match
//
//	\bparley_[A-Z2-7]{26}[0-9a-zA-Z]{49}\b
//
// and a scanner tells a real one from a false alarm by the checksum, without asking anybody.
type ScriptToken struct{ id, text string }

const (
	tokenIDSize       = 26
	tokenSecretSize   = 43
	tokenChecksumSize = 6
	tokenSize         = len(chat.TokenPrefix) + tokenIDSize + tokenSecretSize + tokenChecksumSize
)

// NewScriptToken makes up a script token.
func NewScriptToken() ScriptToken {
	id := rand.Text()
	var secret [secretSize]byte
	// It never fails: the runtime ends the process rather than give bad randomness.
	_, _ = rand.Read(secret[:])
	text := chat.TokenPrefix + id + base62(new(big.Int).SetBytes(secret[:]), tokenSecretSize)
	return ScriptToken{id, text + tokenChecksum(text)}
}

// readScriptToken reads a text that may be a script token's, by its length and prefix alone.
func readScriptToken(text string) (ScriptToken, bool) {
	if len(text) != tokenSize || !chat.IsScriptToken(text) {
		return ScriptToken{}, false
	}
	return ScriptToken{text[len(chat.TokenPrefix):][:tokenIDSize], text}, true
}

// isWellFormed says whether the id and the checksum are as [NewScriptToken] makes them.
func (t ScriptToken) isWellFormed() bool {
	body, checksum := t.text[:tokenSize-tokenChecksumSize], t.text[tokenSize-tokenChecksumSize:]
	return chat.CheckTokenID(t.id) == nil && checksum == tokenChecksum(body)
}

// tokenChecksum is the checksum of a script token that begins with body.
func tokenChecksum(body string) string {
	return base62(big.NewInt(int64(crc32.ChecksumIEEE([]byte(body)))), tokenChecksumSize)
}

// base62 is n in as many digits as are asked for.
func base62(n *big.Int, digits int) string {
	text := n.Text(62)
	return strings.Repeat("0", digits-len(text)) + text
}

// ID is the id of the token's session.
func (t ScriptToken) ID() string { return t.id }

// Text is the token as the script sends it. It is shown once and stored nowhere.
func (t ScriptToken) Text() string { return t.text }

// Hash is all that is stored of the secret.
func (t ScriptToken) Hash() []byte {
	sum := sha256.Sum256([]byte(t.text))
	return sum[:]
}

// has says, in a time that tells nothing, whether the token has this hash.
func (t ScriptToken) has(hash []byte) bool {
	return subtle.ConstantTimeCompare(t.Hash(), hash) == 1
}

// Format keeps a token that is printed by mistake out of what is printed.
func (t ScriptToken) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "script token %s", t.id) }
