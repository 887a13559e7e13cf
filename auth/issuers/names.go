package issuers

import (
	"crypto/sha256"
	"encoding/base32"
	"io"
	"regexp"
	"strings"

	"parley/chat"
)

// subjectForm is that of the names made by subjectName. No claim can have it: it could be
// another subject's.
var subjectForm = regexp.MustCompile(`^u-[a-z2-7]{26}$`)

// subjectName is a username that is a subject's alone, whatever its claims say.
func subjectName(issuer, subject string) string {
	return "u-" + strings.ToLower(digest("subject", issuer, subject))[:26]
}

// claimedName is the name of the claim where that is a legal username, and otherwise the
// subject's own.
func claimedName(claim, own string) string {
	if chat.CheckUsername(claim) != nil || subjectForm.MatchString(claim) {
		return own
	}
	return claim
}

// sessionID is the id of a session that kind and value tell from the subject's others.
func sessionID(issuer, subject, kind, value string) string {
	return digest("session", issuer, subject, kind, value)[:32]
}

// digest is a hash of the parts, each of which ends at a NUL that none of them holds.
func digest(parts ...string) string {
	h := sha256.New()
	for _, part := range parts {
		_, _ = io.WriteString(h, part)
		_, _ = h.Write([]byte{0})
	}
	return base32.StdEncoding.EncodeToString(h.Sum(nil))
}
