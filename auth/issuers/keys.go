package issuers

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	// maxKeys bounds how many signatures a token without a kid can cost.
	maxKeys = 64
	// The sizes of RSA's keys: RFC 7518 section 3.3, and what bounds the work.
	minRSA, maxRSA = 2048, 8192
)

// keySet is an issuer's keys as they were read at once.
type keySet struct {
	text string
	keys []jose.JSONWebKey
}

// parseKeys reads a JSON Web Key Set (RFC 7517 section 5). Keys of a kind or for a use that
// is not known here are passed over, because an issuer may have them for others.
func parseKeys(text []byte) (*keySet, error) {
	var document struct {
		Keys []jsontext.Value `json:"keys"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		return nil, errors.New("it is no JSON Web Key Set")
	}
	if n := len(document.Keys); n == 0 || n > maxKeys {
		return nil, fmt.Errorf("it holds %d keys: 1 to %d are taken", n, maxKeys)
	}
	set := &keySet{text: string(text)}
	seen := make(map[string]bool)
	for _, value := range document.Keys {
		var named struct {
			ID string `json:"kid"`
		}
		if err := json.Unmarshal(value, &named); err != nil {
			return nil, errors.New("one of its keys is no JSON Web Key")
		}
		if named.ID != "" && seen[named.ID] {
			return nil, errors.New("two of its keys have the same kid")
		}
		seen[named.ID] = true
		var key jose.JSONWebKey
		if key.UnmarshalJSON(value) == nil && (key.Use == "" || key.Use == "sig") {
			set.keys = append(set.keys, key)
		}
	}
	return set, nil
}

// fitting are the keys that a token may have been signed by: those of its kid, or all where
// it names none, that are for its algorithm.
func (s *keySet) fitting(kid string, algorithm jose.SignatureAlgorithm) (keys []any) {
	if s == nil {
		return nil
	}
	for _, k := range s.keys {
		named := kid == "" || k.KeyID == kid
		if named && (k.Algorithm == "" || k.Algorithm == string(algorithm)) && fits(k.Key, algorithm) {
			keys = append(keys, k.Key)
		}
	}
	return keys
}

// fits says that a public key is of the algorithm's kind and strength.
func fits(key any, algorithm jose.SignatureAlgorithm) bool {
	switch k := key.(type) {
	case *rsa.PublicKey:
		bits := k.N.BitLen()
		return (algorithm == jose.RS256 || algorithm == jose.PS256) && bits >= minRSA && bits <= maxRSA
	case *ecdsa.PublicKey:
		return algorithm == jose.ES256 && k.Curve == elliptic.P256()
	case ed25519.PublicKey:
		return algorithm == jose.EdDSA
	}
	return false
}
