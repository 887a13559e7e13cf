package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"parley/chat"
	"parley/client"
)

type tailCommand struct {
	remote
	Chat  string `arg:"" optional:"" help:"The chat's id; all of your chats unless given."`
	Last  int    `short:"n" xor:"place" placeholder:"N" help:"Show so many older messages first."`
	After string `xor:"place" placeholder:"ID" help:"Begin behind a message or an event, or with the earliest. Without it, with what comes next."`
	display
}

// Run follows until it is interrupted. Where the connection is lost, it goes on behind the
// last event that was shown.
func (cmd tailCommand) Run(std streams) error {
	from, err := readPlace(cmd.After)
	if err != nil {
		return err
	}
	if cmd.Last < 0 {
		return usageError{errors.New("-n must be 0 or more")}
	}
	show := cmd.screen(std.out, cmd.Chat == "")
	return cmd.asUser(func(ctx context.Context, a account) error {
		shown := seen{}
		if cmd.Last > 0 {
			if from, shown, err = a.showOlder(ctx, show, cmd.Chat, cmd.Last); err != nil {
				return err
			}
		}
		for e, err := range a.events(ctx, cmd.Chat, from) {
			if err != nil {
				return err
			}
			if e.Durable() && e.ID <= shown[e.Chat] {
				continue
			}
			if err := show.event(e); err != nil {
				return err
			}
		}
		return nil
	})
}

// readPlace reads where a stream is to begin.
func readPlace(s string) (client.Cursor, error) {
	if _, ok := chat.ParsePosition(s); ok || s == "" || s == string(client.Now) || s == string(client.Earliest) {
		return client.Cursor(s), nil
	}
	return "", usageError{fmt.Errorf("--after: %q is no place: write the id of a message or an event, now or earliest", s)}
}

// events follows a chat, or all chats where none is named.
func (a account) events(ctx context.Context, chatID string, from client.Cursor) iter.Seq2[client.Event, error] {
	if chatID == "" {
		return a.FollowAll(ctx, from)
	}
	return a.Follow(ctx, chatID, from)
}

// seen is up to which position each chat has been shown.
type seen map[string]int64

// showOlder shows the last n messages, and says where a stream goes on behind them. Each
// chat was read at another time: what one stream over all repeats of a chat is left out.
func (a account) showOlder(ctx context.Context, show screen, chatID string, n int) (client.Cursor, seen, error) {
	ids := []string{chatID}
	if chatID == "" {
		chats, err := a.Chats(ctx)
		if err != nil {
			return "", nil, err
		}
		ids = nil
		for _, ch := range chats {
			ids = append(ids, ch.ID)
		}
	}
	var older []chat.Message
	shown := seen{}
	for _, id := range ids {
		messages, cursor, err := a.newest(ctx, id, 0, n)
		if err != nil {
			return "", nil, err
		}
		older, shown[id] = append(older, messages...), cursor
	}
	slices.SortFunc(older, func(a, b chat.Message) int { return cmp.Compare(a.ID, b.ID) })
	from := client.Now
	if len(shown) > 0 {
		from = client.After(slices.Min(slices.Collect(maps.Values(shown))))
	}
	return from, shown, show.messages(older[max(0, len(older)-n):])
}
