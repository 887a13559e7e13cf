package cli

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"
	"unicode/utf8"

	"parley/chat"
	"parley/client"
)

type waitCommand struct {
	remote
	Chat    string        `arg:"" help:"The chat's id."`
	Match   string        `required:"" placeholder:"REGEX" help:"What the message's text must match (RE2), somewhere in it."`
	Timeout time.Duration `default:"30s" placeholder:"TIME" help:"How long to wait."`
	After   string        `placeholder:"ID" help:"Look at the messages behind this one, too. Without it, at those that come from now on."`
	display
}

// maxPattern bounds a pattern, in characters, as the service does.
const maxPattern = 200

// Run prints the first message that matches. Where none comes in time it fails.
func (cmd waitCommand) Run(std streams) error {
	from, err := readPlace(cmd.After)
	if err != nil {
		return err
	}
	pattern, err := regexp.Compile(cmd.Match)
	switch {
	case err != nil:
		return usageError{fmt.Errorf("--match: %w", err)}
	case utf8.RuneCountInString(cmd.Match) > maxPattern:
		return usageError{fmt.Errorf("--match: the pattern is over %d characters long", maxPattern)}
	case cmd.Timeout <= 0:
		return usageError{errors.New("--timeout must be more than 0")}
	}
	show := cmd.screen(std.out, false)
	return cmd.asUser(func(ctx context.Context, a account) error {
		m, err := a.await(ctx, cmd.Chat, from, cmd.Timeout, pattern)
		if err != nil {
			return err
		}
		return show.message(m)
	})
}

// await is the first message behind from whose text matches.
func (a account) await(ctx context.Context, chatID string, from client.Cursor, timeout time.Duration, pattern *regexp.Regexp) (chat.Message, error) {
	within, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for e, err := range a.Follow(within, chatID, from) {
		switch {
		case err != nil && ctx.Err() == nil && within.Err() != nil:
			return chat.Message{}, fmt.Errorf("no message matched within %v", timeout)
		case err != nil:
			return chat.Message{}, err
		case e.Name == chat.KindMessage && !e.Message.Deleted && pattern.MatchString(e.Message.Text):
			return *e.Message, nil
		}
	}
	return chat.Message{}, errors.New("the stream ended without a message that matches")
}
