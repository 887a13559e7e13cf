package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"parley/chat"
	"parley/repository"
)

const (
	// wantedChanges is how many edits and reactions are to be stored, for one message.
	wantedChanges = 0.8
	// wantedPage is within how many times the time of a plain page one with reactions is to
	// be read.
	wantedPage = 1.3
	// changers is by how many clients messages are changed.
	changers = 64
)

// changes compares edits of messages and reactions to them with posts, and a page of messages
// with reactions and replies with a plain one.
func changes(engines []*engine, scale scale) section {
	s := section{
		title: "The life of a message: edits and reactions beside posts, and a page with reactions beside a plain one",
		columns: []string{"database", "posts/s", "edits/s", "reactions/s", "edits", "wanted", "met", "reactions", "wanted", "met",
			"plain page", "with reactions", "times", "wanted", "met"},
	}
	for _, e := range engines {
		s.groups = append(s.groups, changesGroup(e, scale))
	}
	return s
}

func changesGroup(e *engine, scale scale) group {
	var db *database
	var repo *repository.Repository
	of := scale.posters
	return group{
		name:  "changes/" + e.name,
		lasts: 2 * scale.seeding,
		open: func(ctx context.Context) (err error) {
			if db, err = e.newDatabase(ctx, of); err != nil {
				return err
			}
			repo, err = db.open(ctx)
			return err
		},
		close: func() (err error) {
			if repo != nil {
				err = repo.Close()
			}
			return errors.Join(err, db.drop())
		},
		cells: []cell{{
			name:  count(changers, "client"),
			lasts: scale.load(changers).rounds(scale.turns, 3),
			measure: func(ctx context.Context) ([]string, error) {
				all, err := scale.load(changers).compare(ctx, scale.turns,
					logPosts(repo, of, spreads(of)[0]), edits(repo, of), reactions(repo, of))
				if err != nil {
					return nil, err
				}
				posts, edits, reactions := all[0].rate(), all[1].rate(), all[2].rate()
				row := []string{e.name, perSecond(posts), perSecond(edits), perSecond(reactions)}
				row = append(row, ratioColumns(wantedChanges, edits/posts)...)
				row = append(row, ratioColumns(wantedChanges, reactions/posts)...)
				page, err := measureChangedPage(ctx, repo, of, scale)
				return append(row, page...), err
			},
		}},
	}
}

// edits replaces texts of the clients' own messages.
func edits(repo *repository.Repository, of seed) operation {
	each := of.messages / of.chats / of.people
	return func(_ context.Context, client, n int) error {
		nth := 1 + client%of.people + of.people*rand.IntN(max(each, 1))
		id := of.messageID(1+rand.IntN(of.chats), nth)
		_, err := repo.EditMessage(context.Background(), of.actor(client), id, fmt.Sprint(text, n), chat.Precondition{})
		return err
	}
}

// reactions reacts to messages. Each client takes back what it has added.
func reactions(repo *repository.Repository, of seed) operation {
	each := of.messages / of.chats
	last := make([]int64, changers)
	return func(_ context.Context, client, n int) error {
		add := n%2 == 0
		if add {
			last[client] = of.messageID(1+rand.IntN(of.chats), 1+rand.IntN(each))
		}
		_, err := repo.React(context.Background(), of.actor(client), last[client], []string{"👍", "🎉", "❤️"}[client%3], add)
		return err
	}
}

// measureChangedPage reads the newest messages of one chat, which have no reactions, and of
// another, where each has some and answers another.
func measureChangedPage(ctx context.Context, repo *repository.Repository, of seed, scale scale) ([]string, error) {
	plain, changed := chatID(of.chats), chatID(of.chats-1)
	for i := range chat.DefaultHistory {
		said := make(map[string]chat.Posted)
		for _, id := range []string{plain, changed} {
			posted, err := repo.Post(ctx, of.actor(i), chat.Post{Chat: id, Text: text})
			if err != nil {
				return nil, err
			}
			said[id] = posted
		}
		answered := said[changed].Message
		posted, err := repo.Post(ctx, of.actor(i), chat.Post{Chat: changed, Text: text, ReplyTo: answered.ID})
		if err != nil {
			return nil, err
		}
		for client := range of.people {
			emoji := []string{"👍", "🎉", "❤️"}[client%3]
			if _, err := repo.React(ctx, of.actor(client), posted.Message.ID, emoji, true); err != nil {
				return nil, err
			}
			if _, err := repo.React(ctx, of.actor(client), answered.ID, emoji, true); err != nil {
				return nil, err
			}
		}
	}
	page := func(chatID string) operation {
		return func(ctx context.Context, _, _ int) error {
			_, err := repo.History(ctx, of.actor(0), chatID, chat.HistoryQuery{Limit: chat.DefaultHistory})
			return err
		}
	}
	all, err := scale.load(1).compare(ctx, scale.turns, page(plain), page(changed))
	if err != nil {
		return nil, err
	}
	without, with := all[0].took(0.5), all[1].took(0.5)
	times := float64(with) / float64(without)
	return []string{milliseconds(without), milliseconds(with), fmt.Sprintf("%.2f", times),
		fmt.Sprintf("≤ %.1f", wantedPage), met(times <= wantedPage)}, nil
}
