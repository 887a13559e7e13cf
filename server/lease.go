package server

import (
	"encoding/hex"

	"parley/auth"
	"parley/stream"
)

// lease is the instance's place among those on its database; nil where it is alone by the
// nature of the database. Services with one secret have one fingerprint, which is stored.
func (s *Server) lease(secret []byte) stream.Lease {
	fingerprint := hex.EncodeToString(auth.DeriveKey(secret, "instance"))
	if l := s.repository.Lease(fingerprint); l != nil {
		return l
	}
	return nil
}
