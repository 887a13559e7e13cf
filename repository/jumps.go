package repository

import (
	"context"
	"errors"
	"sync"

	"parley/chat"
)

const (
	// jumpLeast is how far the log jumps where the clock does not lead further: further than
	// years of posting.
	jumpLeast = 1 << 40
	// maxJump is where positions would end to be exact in JavaScript.
	maxJump = 1 << 53
)

// jumpTo is where the log goes on behind before, at a moment in Unix microseconds. No client
// has seen a position from there on. Positions grow by less than one in a microsecond, so the head of every life of
// the database that has jumped is behind the clock, and that of one that has not by far.
// A fixed distance would not do: two lives that began at one backup would jump to one place.
func jumpTo(now, before int64) (pos int64, err error) {
	pos = now
	if pos <= before { // the clock was set back
		pos = before + jumpLeast
	}
	if pos >= maxJump {
		return 0, errors.New("the log has no positions left to jump to: is the clock right?")
	}
	return pos, nil
}

// jump leaves out all positions up to one that no client can have seen.
func (tx *transaction) jump() (chat.Jump, error) {
	j := chat.Jump{Before: tx.pos}
	var err error
	if j.Pos, err = jumpTo(tx.now.UnixMilli()*1000, j.Before); err != nil {
		return j, err
	}
	tx.pos = j.Pos - 1
	tx.append(chat.Event{Kind: chat.KindJump, Before: j.Before})
	tx.later(`INSERT INTO jumps (pos, before) VALUES (?, ?)`, j.Pos, j.Before)
	return j, nil
}

// Jump makes the log jump, because positions may have been handed out that the database
// does not know of.
func (r *Repository) Jump(ctx context.Context) (_ chat.Jump, err error) {
	defer wrap(&err, "jumping")
	return write(ctx, r, "", func(ctx context.Context, tx *transaction) (chat.Jump, error) { return tx.jump() })
}

// jumps remembers the log's jumps. They are few, and seldom become more.
type jumps struct {
	mu    sync.Mutex
	known []chat.Jump
}

// upTo returns the jumps up to the newest one. They are only read anew if that is another
// than the newest that is remembered.
func (j *jumps) upTo(ctx context.Context, r *Repository, newest int64) ([]chat.Jump, error) {
	if newest == 0 {
		return nil, nil
	}
	j.mu.Lock()
	known := j.known
	j.mu.Unlock()
	if n := len(known); n > 0 && known[n-1].Pos == newest {
		return known, nil
	}
	known, err := read(ctx, r, func(ctx context.Context, h handle) (all []chat.Jump, err error) {
		err = h.all(ctx, &all, `SELECT before, pos FROM jumps ORDER BY pos`)
		return all, err
	})
	if err != nil {
		return nil, err
	}
	j.mu.Lock()
	j.known = known
	j.mu.Unlock()
	return known, nil
}
