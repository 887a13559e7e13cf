// Package auth is who somebody is: users and their passwords, sign-ins, refresh
// tokens and the service's secret.
//
// A [Session] is one sign-in. It has an access token, short-lived and signed
// elsewhere (see [Signer]), and a refresh token, which is spent by its first use
// and replaced by a successor. The successor is derived from the spent token
// (HMAC-SHA-256 under a key of the service), so every instance gives the same
// one, and the store keeps nothing but the hash of the present token. A spent
// token whose answer was lost gets the same successor for another [Grace], as
// long as nobody used that; spent for longer, it was copied, and its session is
// over. A token that the service never made says nothing about a session and
// ends none.
package auth
