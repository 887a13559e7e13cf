package natsbus

import (
	"crypto/hmac"
	"crypto/sha256"
	"slices"
)

// sealBytes is how much of an HMAC-SHA-256 stands before each message. Whoever may write to
// the subject could otherwise show readers events that never happened; and two services that
// share a subject by mistake, or a copy of a database and the original, would take each
// other's events for their own.
const sealBytes = 16

func seal(key, message []byte) []byte {
	return append(mac(key, message), message...)
}

// unseal returns the message; ok is false where it was sealed with none of the keys.
func unseal(keys [][]byte, sealed []byte) (message []byte, ok bool) {
	if len(sealed) < sealBytes {
		return nil, false
	}
	message = sealed[sealBytes:]
	return message, slices.ContainsFunc(keys, func(key []byte) bool {
		return hmac.Equal(sealed[:sealBytes], mac(key, message))
	})
}

func mac(key, message []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(message)
	return h.Sum(nil)[:sealBytes]
}
