package stream

import (
	"context"
	"time"

	"parley/chat"
)

// Log is how this package reads what has happened. Every method may be called
// by many goroutines at once, answers chat.ErrUnavailable within 3 s where the
// store does not answer, and the context's error where that ends first.
type Log interface {
	// Open reads, each in one snapshot, the head of the log and what actors may follow:
	// the chat that a request names or, if that is empty, every chat that its actor is
	// in. There is an answer to each request, in their order; a refusal is the answer's
	// alone. An error is of all requests together.
	Open(ctx context.Context, requests []chat.OpeningRequest) ([]chat.Opening, error)

	// After reads, in one snapshot, the head and the first events behind the
	// position after, in order, at most limit of them. Fewer than limit means that
	// they reach to the head: a position missing among them is gone, not late.
	After(ctx context.Context, after int64, limit int) (events []chat.Event, head int64, err error)

	// ChatAfter reads the chat's first events behind after and up to upTo, at most limit of
	// them.
	ChatAfter(ctx context.Context, chatID string, after, upTo int64, limit int) (chat.LogPart, error)

	// MemberAfter reads what a stream over all chats of a user shows of the log
	// behind after and up to upTo: the events of the chats that the user was
	// in at the position opened, as far as they happened during a membership, those
	// of chats joined after opened likewise, and of every other chat only the event
	// that ended the membership. It may stop early: the part reaches through a position that
	// is greater than after unless after is upTo, and that no jump left out.
	MemberAfter(ctx context.Context, username string, opened, after, upTo int64, limit int) (chat.LogPart, error)

	// AccessExpiries reads until when the live ones among the sessions have access;
	// a session that is over, or whose user is disabled, is absent.
	AccessExpiries(ctx context.Context, sessions []string) (map[string]time.Time, error)
}
