package server

import "parley/auth"

// secrets are the service's secret and the previous one, which verifies while the secret is
// rotated and signs nothing. What each of their keys does in a rotation:
//
//   - "access token", "refresh token": a token made under either is good, and new ones are
//     made under the first, so no session ends.
//   - "stream ticket": the same holds for tickets, and for the cookies that follow them.
//   - "bus": a message sealed under either is believed.
//   - "instance": an instance with either may serve beside this one.
//   - "post hash": it lives with the data, and does not follow the secret.
type secrets struct {
	current  []byte
	previous []byte // nil where there is none
}

// keys are the keys of that label, the current one first.
func (s secrets) keys(label string) [][]byte {
	keys := [][]byte{auth.DeriveKey(s.current, label)}
	if s.previous != nil {
		keys = append(keys, auth.DeriveKey(s.previous, label))
	}
	return keys
}

// openSecrets reads the service's secrets: those that were set, or the data folder's.
func (p plan) openSecrets() (s secrets, err error) {
	s = secrets{p.secret, p.previousSecret}
	if s.current == nil {
		if s.current, err = auth.OpenSecret(p.data); err != nil {
			return secrets{}, &Mistake{"data", oneLine(err)}
		}
	}
	if s.previous == nil && p.usesFolder() {
		if s.previous, err = auth.PreviousSecret(p.data); err != nil {
			return secrets{}, &Mistake{"data", oneLine(err)}
		}
	}
	return s, nil
}
