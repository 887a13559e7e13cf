// Package hashing makes the hashes under which passwords are stored, and compares passwords
// with them: in this process or, behind [UseChild], in a child that runs on processor time that
// is otherwise idle. All its functions may be called by many goroutines at once. How many hash at
// a time is for the caller to bound: each takes 19 MiB of memory and some 30 ms of a processor.
package hashing

import (
	"encoding/base64"
	"fmt"

	"github.com/alexedwards/argon2id"
)

// params are the second choice of RFC 9106 for little memory, as OWASP gives it:
// 19 MiB, two passes, one lane.
var params = &argon2id.Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// Nobodys costs as much to compare as every hash that [Make] makes, and no password is known
// that matches it.
var Nobodys = fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s",
	params.Memory, params.Iterations, params.Parallelism,
	base64.RawStdEncoding.EncodeToString(make([]byte, params.SaltLength)),
	base64.RawStdEncoding.EncodeToString(make([]byte, params.KeyLength)))

// Make makes a hash of the password, in argon2id's PHC string form: with inChild in the child of
// [UseChild], if there is one.
func Make(password string, inChild bool) (string, error) {
	r, err := do(Work{Password: password}, inChild)
	return r.Hash, err
}

// Matches says whether the hash is the password's; an error where it is no hash. inChild is as
// for [Make].
func Matches(password, hash string, inChild bool) (bool, error) {
	r, err := do(Work{Password: password, Hash: hash, Compare: true}, inChild)
	return r.Matches, err
}

// Work is one hash to be made, and to be compared with another where Compare says so.
type Work struct {
	Password, Hash string
	Compare        bool
}

// Result is what came of a Work: whether the hashes are the same, or the new hash.
type Result struct {
	Hash    string
	Matches bool
}

func do(w Work, inChild bool) (Result, error) {
	if c := theChild.Load(); c != nil && inChild {
		if r, done := c.do(w); done {
			return r, nil
		}
	}
	return w.do()
}

func (w Work) do() (r Result, err error) {
	if w.Compare {
		r.Matches, err = argon2id.ComparePasswordAndHash(w.Password, w.Hash)
	} else {
		r.Hash, err = argon2id.CreateHash(w.Password, params)
	}
	return r, err
}
