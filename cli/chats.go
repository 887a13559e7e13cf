package cli

import (
	"context"
	"fmt"
	"text/tabwriter"

	"parley/chat"
)

type chatsCommand struct {
	remote
	Public bool `help:"List the chats that may be joined."`
	JSON   bool `name:"json" help:"A line of JSON for each."`
}

// Run lists chats. Titles are quoted: they may hold what a terminal obeys.
func (cmd chatsCommand) Run(std streams) error {
	return cmd.asUser(func(ctx context.Context, a account) error {
		list := a.Chats
		if cmd.Public {
			list = a.PublicChats
		}
		chats, err := list(ctx)
		if err != nil {
			return err
		}
		if cmd.JSON {
			return valuesOf(screen{out: std.out}, chats)
		}
		table := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "ID\tROLE\tUNREAD\tTITLE")
		for _, ch := range chats {
			fmt.Fprintf(table, "%s\t%s\t%s\t%q\n", visible(ch.ID), roleIn(ch), unreadIn(ch), ch.Title)
		}
		return table.Flush()
	})
}

func valuesOf[T any](s screen, values []T) error {
	for _, v := range values {
		if err := s.value(v); err != nil {
			return err
		}
	}
	return nil
}

func roleIn(ch chat.Chat) string {
	if ch.Role == nil {
		return "-"
	}
	return visible(string(*ch.Role))
}

func unreadIn(ch chat.Chat) string {
	if ch.Unread == nil {
		return "-"
	}
	return fmt.Sprint(*ch.Unread)
}

type joinCommand struct {
	remote
	Chat string `arg:"" help:"The chat's id."`
}

// Run joins a public chat.
func (cmd joinCommand) Run(std streams) error {
	return cmd.asUser(func(ctx context.Context, a account) error {
		username, err := a.own(ctx)
		if err != nil {
			return err
		}
		m, err := a.PutMember(ctx, cmd.Chat, username, "")
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(std.out, "%s is in %s as %s\n", visible(m.Username), cmd.Chat, visible(string(m.Role)))
		return err
	})
}

type leaveCommand struct {
	remote
	Chat string `arg:"" help:"The chat's id."`
}

// Run leaves a chat.
func (cmd leaveCommand) Run(std streams) error {
	return cmd.asUser(func(ctx context.Context, a account) error {
		username, err := a.own(ctx)
		if err != nil {
			return err
		}
		if err := a.RemoveMember(ctx, cmd.Chat, username); err != nil {
			return err
		}
		_, err = fmt.Fprintf(std.out, "%s left %s\n", visible(username), cmd.Chat)
		return err
	})
}
