package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/term"

	"parley/chat"
)

// words are a text on the command line; without one it is read from standard input.
type words struct {
	Text []string `arg:"" optional:"" help:"The text; read from standard input unless given."`
}

// maxStandardInput is more than any text that the service takes.
const maxStandardInput = 128 << 10

// read gives the text. The line end that echo and editors put behind it is no part of it.
func (w words) read(std streams) (string, error) {
	if len(w.Text) > 0 {
		return strings.Join(w.Text, " "), nil
	}
	if f, ok := std.in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return "", usageError{errors.New("there is no text: give one behind the command, or by standard input")}
	}
	text, err := io.ReadAll(io.LimitReader(std.in, maxStandardInput))
	if err != nil {
		return "", fmt.Errorf("reading the text: %w", err)
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r"), nil
}

type sayCommand struct {
	remote
	Chat    string `arg:"" help:"The chat's id."`
	ReplyTo int64  `placeholder:"ID" help:"The message that this one answers."`
	Key     string `placeholder:"KEY" help:"Two posts with one key are one message, so that a script may be run again."`
	JSON    bool   `name:"json" help:"Print the message as JSON, and not its id alone."`
	words
}

// Run posts a message, and prints its id.
func (cmd sayCommand) Run(std streams) error {
	text, err := cmd.read(std)
	if err != nil {
		return err
	}
	return cmd.asUser(func(ctx context.Context, a account) error {
		posted, err := a.Post(ctx, chat.Post{Chat: cmd.Chat, Text: text, ReplyTo: cmd.ReplyTo, ClientID: cmd.Key})
		if err != nil {
			return err
		}
		if cmd.JSON {
			return screen{out: std.out}.value(posted.Message)
		}
		_, err = fmt.Fprintln(std.out, posted.Message.ID)
		return err
	})
}

type editCommand struct {
	remote
	ID int64 `arg:"" help:"The message's id."`
	words
}

// Run gives a message another text.
func (cmd editCommand) Run(std streams) error {
	text, err := cmd.read(std)
	if err != nil {
		return err
	}
	return cmd.asUser(func(ctx context.Context, a account) error {
		m, err := a.Edit(ctx, cmd.ID, text)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(std.out, m.ID)
		return err
	})
}

type deleteCommand struct {
	remote
	ID int64 `arg:"" help:"The message's id."`
}

// Run deletes a message.
func (cmd deleteCommand) Run(std streams) error {
	return cmd.asUser(func(ctx context.Context, a account) error {
		if err := a.Delete(ctx, cmd.ID); err != nil {
			return err
		}
		_, err := fmt.Fprintf(std.out, "message %d deleted\n", cmd.ID)
		return err
	})
}

type historyCommand struct {
	remote
	Chat   string `arg:"" help:"The chat's id."`
	Last   int    `short:"n" default:"50" placeholder:"N" help:"How many messages; the newest, unless --after is given."`
	Before int64  `xor:"place" placeholder:"ID" help:"Those before a message."`
	After  *int64 `xor:"place" placeholder:"ID" help:"Those behind a message, the oldest first; 0 begins with the first."`
	display
}

// Run prints a part of a chat's messages, oldest first.
func (cmd historyCommand) Run(std streams) error {
	if cmd.Last < 1 {
		return usageError{errors.New("-n must be 1 or more")}
	}
	show := cmd.screen(std.out, false)
	return cmd.asUser(func(ctx context.Context, a account) error {
		if cmd.After != nil {
			return a.showAfter(ctx, show, cmd.Chat, *cmd.After, cmd.Last)
		}
		messages, _, err := a.newest(ctx, cmd.Chat, cmd.Before, cmd.Last)
		if err != nil {
			return err
		}
		return show.messages(messages)
	})
}

func (s screen) messages(messages []chat.Message) error {
	for _, m := range messages {
		if err := s.message(m); err != nil {
			return err
		}
	}
	return nil
}

// showAfter shows the first n messages behind a position.
func (a account) showAfter(ctx context.Context, show screen, chatID string, after int64, n int) error {
	for m, err := range a.Messages(ctx, chatID, after) {
		if err != nil {
			return err
		}
		if err := show.message(m); err != nil {
			return err
		}
		if n--; n == 0 {
			return nil
		}
	}
	return nil
}

// newest reads the last n messages before a message (0 for the chat's end), oldest first,
// and where a stream goes on behind them.
func (a account) newest(ctx context.Context, chatID string, before int64, n int) (messages []chat.Message, cursor int64, err error) {
	for first := true; ; first = false {
		q := chat.HistoryQuery{Limit: min(n-len(messages), chat.MaxHistory)}
		if before > 0 {
			q.Before = &before
		}
		part, err := a.History(ctx, chatID, q)
		if err != nil {
			return nil, 0, err
		}
		if first {
			cursor = part.Cursor
		}
		messages = slices.Concat(part.Messages, messages)
		if !part.Earlier || len(part.Messages) == 0 || len(messages) >= n {
			return messages, cursor, nil
		}
		before = messages[0].ID
	}
}
