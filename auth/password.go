package auth

import (
	"context"
	"encoding/base64"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/alexedwards/argon2id"

	"parley/chat"
)

// hashing is the second choice of RFC 9106 for little memory, as OWASP gives it:
// 19 MiB, two passes, one lane.
var hashing = &argon2id.Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// nobodysHash costs as much to compare as every user's, and no password is known
// that matches it.
var nobodysHash = fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s",
	hashing.Memory, hashing.Iterations, hashing.Parallelism,
	base64.RawStdEncoding.EncodeToString(make([]byte, hashing.SaltLength)),
	base64.RawStdEncoding.EncodeToString(make([]byte, hashing.KeyLength)))

// patience is how long a caller waits before it is told to come back.
const patience = 5 * time.Second

// passwords is the process's one gate: memory and cores, which it guards, are
// the process's too. Hashing has half of the cores, so that a crowd that signs in leaves
// the other half to those who are in.
var passwords = newGate(max(1, runtime.GOMAXPROCS(0)/2), patience)

// HashPassword makes the hash under which a password is stored, behind the gate
// that keeps hashing from taking the whole machine: chat.ErrBusy where too many
// wait or the wait is over 5 s. chat.ErrInvalid for what is no password.
func HashPassword(ctx context.Context, password string) (string, error) {
	if err := checkPassword(password); err != nil {
		return "", err
	}
	return passwords.hash(ctx, caller{}, password)
}

// checkPassword says why a text is no password, in the form that is hashed, or nil.
func checkPassword(password string) error { return checkPasswordAs("password", password) }

// checkPasswordAs is checkPassword, for a field of another name.
func checkPasswordAs(field, password string) error {
	return chat.CheckPassword(field, opaque(password))
}

func (g *gate) hash(ctx context.Context, c caller, password string) (string, error) {
	if err := g.enter(ctx, c); err != nil {
		return "", err
	}
	defer g.leave()
	return argon2id.CreateHash(opaque(password), hashing)
}

// compare says whether the hash is the password's, or, for a hash that was made before
// passwords had one form, of the password as it was typed.
func (g *gate) compare(ctx context.Context, c caller, password, hash string) (bool, error) {
	return g.compareRead(ctx, c, password, func() (string, error) { return hash, nil })
}

// compareRead is compare with a hash that is read in the caller's turn: who gets none costs the
// store nothing.
func (g *gate) compareRead(ctx context.Context, c caller, password string, read func() (hash string, err error)) (bool, error) {
	read = sync.OnceValues(read)
	form := opaque(password)
	matches, err := g.compareForm(ctx, c, form, read)
	if err == nil && !matches && password != form {
		return g.compareForm(ctx, c, password, read)
	}
	return matches, err
}

// compareForm makes one hash, in a turn of its own: a login that needs two waits twice.
// What cannot be a password is not hashed: whether a user has it does not depend on
// which user that is.
func (g *gate) compareForm(ctx context.Context, c caller, password string, read func() (hash string, err error)) (bool, error) {
	if chat.CheckPassword("password", password) != nil {
		return false, nil
	}
	if err := g.enter(ctx, c); err != nil {
		return false, err
	}
	defer g.leave()
	hash, err := read()
	if err != nil {
		return false, err
	}
	return argon2id.ComparePasswordAndHash(password, hash)
}
