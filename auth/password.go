package auth

import (
	"context"
	"encoding/base64"
	"fmt"
	"runtime"
	"time"

	"github.com/alexedwards/argon2id"
	"golang.org/x/sync/semaphore"

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

const (
	// queuePerSlot is how many wait for each hash that is being made.
	queuePerSlot = 8
	// patience is how long one waits before he is told to come back.
	patience = 2 * time.Second
)

// passwords is the process's one gate: memory and cores, which it guards, are
// the process's too.
var passwords = newGate(runtime.GOMAXPROCS(0), patience)

// HashPassword makes the hash under which a password is stored, behind the gate
// that keeps hashing from taking the whole machine: chat.ErrBusy where too many
// wait or the wait is over 2 s. chat.ErrInvalid for what is no password.
func HashPassword(ctx context.Context, password string) (string, error) {
	if err := chat.CheckPassword(password); err != nil {
		return "", err
	}
	return passwords.hash(ctx, password)
}

// gate lets a few hash passwords at a time and a bounded number wait.
type gate struct {
	slots    *semaphore.Weighted
	queue    *semaphore.Weighted
	patience time.Duration
}

func newGate(slots int, patience time.Duration) *gate {
	return &gate{
		slots:    semaphore.NewWeighted(int64(slots)),
		queue:    semaphore.NewWeighted(int64(slots * queuePerSlot)),
		patience: patience,
	}
}

// enter waits for a slot; whoever got in calls leave. chat.ErrBusy, or the
// context's error.
func (g *gate) enter(ctx context.Context) (leave func(), err error) {
	leave = func() { g.slots.Release(1) }
	if g.slots.TryAcquire(1) {
		return leave, nil
	}
	if !g.queue.TryAcquire(1) {
		return nil, chat.ErrBusy
	}
	defer g.queue.Release(1)
	waiting, stop := context.WithTimeout(ctx, g.patience)
	defer stop()
	if err := g.slots.Acquire(waiting, 1); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, chat.ErrBusy
	}
	return leave, nil
}

func (g *gate) hash(ctx context.Context, password string) (string, error) {
	leave, err := g.enter(ctx)
	if err != nil {
		return "", err
	}
	defer leave()
	return argon2id.CreateHash(password, hashing)
}

// compare says whether the hash is the password's. What cannot be a password is
// not hashed: whether anybody has it as his own does not depend on who he is.
func (g *gate) compare(ctx context.Context, password, hash string) (bool, error) {
	if chat.CheckPassword(password) != nil {
		return false, nil
	}
	leave, err := g.enter(ctx)
	if err != nil {
		return false, err
	}
	defer leave()
	return argon2id.ComparePasswordAndHash(password, hash)
}
