package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"

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
	// recentEach is how many messages of each of the people count as just said.
	recentEach = 200
)

// changes compares edits of messages and reactions to them with posts, and a page of messages
// with reactions and replies with a plain one.
func changes(engines []*engine, scale scale) section {
	s := section{
		title: "The life of a message: edits of what was just said and reactions to it beside posts (old: to any message), and a page with reactions beside a plain one",
		columns: []string{"database", "posts/s", "edits/s", "reactions/s", "edits", "wanted", "met", "reactions", "wanted", "met",
			"old edits", "old reactions", "plain page", "with reactions", "times", "wanted", "met"},
	}
	for _, e := range engines {
		s.groups = append(s.groups, changesGroup(e, scale))
	}
	return s
}

func changesGroup(e *engine, scale scale) group {
	var o opened
	of := scale.posters
	return group{
		name:  "changes/" + e.name,
		lasts: 2 * scale.seeding,
		open:  func(ctx context.Context) error { return o.open(ctx, e, of) },
		close: o.close,
		cells: []cell{{
			name:  count(changers, "client"),
			lasts: scale.load(changers).rounds(scale.turns, 5),
			measure: func(ctx context.Context) ([]string, error) {
				recent := newJustSaid(of)
				all, err := scale.load(changers).compare(ctx, scale.turns, recent.posts(o.repo, of, spreads(of)[0]),
					edits(o.repo, of, recent), reactions(o.repo, of, recent), edits(o.repo, of, of), reactions(o.repo, of, of))
				if err != nil {
					return nil, err
				}
				posts, edits, reactions := all[0].rate(), all[1].rate(), all[2].rate()
				row := []string{e.name, perSecond(posts), perSecond(edits), perSecond(reactions)}
				row = append(row, ratioColumns(wantedChanges, edits/posts)...)
				row = append(row, ratioColumns(wantedChanges, reactions/posts)...)
				row = append(row, fmt.Sprintf("%.2f", all[3].rate()/posts), fmt.Sprintf("%.2f", all[4].rate()/posts))
				page, err := measureChangedPage(ctx, o.repo, of, scale)
				return append(row, page...), err
			},
		}},
	}
}

// said are messages by their authors.
type said interface {
	// by is the id of one of a person's messages; persons are counted from 0.
	by(person int) int64
}

// by implements said with all messages of the seed.
func (s seed) by(person int) int64 {
	nth := 1 + person + s.people*rand.IntN(max(s.messages/s.chats/s.people, 1))
	return s.messageID(1+rand.IntN(s.chats), nth)
}

// justSaid are the ids of the messages that each of the people has said last.
type justSaid struct {
	mu  sync.Mutex
	ids [][]int64
	// n is how many messages each has said.
	n []int
}

func newJustSaid(of seed) *justSaid {
	return &justSaid{ids: make([][]int64, of.people), n: make([]int, of.people)}
}

func (j *justSaid) by(person int) int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.ids[person][rand.IntN(len(j.ids[person]))]
}

func (j *justSaid) add(person int, id int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.ids[person]) < recentEach {
		j.ids[person] = append(j.ids[person], id)
	}
	j.ids[person][j.n[person]%recentEach] = id
	j.n[person]++
}

// posts is logPosts, and notes what was said.
func (j *justSaid) posts(repo *repository.Repository, of seed, to spread) operation {
	return func(_ context.Context, client, _ int) error {
		posted, err := repo.Post(context.Background(), of.actor(client), chat.Post{Chat: chatID(to.pick()), Text: text})
		if err == nil {
			j.add(client%of.people, posted.Message.ID)
		}
		return err
	}
}

// edits replaces texts of the clients' own messages.
func edits(repo *repository.Repository, of seed, messages said) operation {
	return func(_ context.Context, client, n int) error {
		_, err := repo.EditMessage(context.Background(), of.actor(client), messages.by(client%of.people), fmt.Sprint(text, n), chat.Precondition{})
		return err
	}
}

// reactions reacts to messages. Each client takes back what it has added.
func reactions(repo *repository.Repository, of seed, messages said) operation {
	last := make([]int64, changers)
	return func(_ context.Context, client, n int) error {
		add := n%2 == 0
		if add {
			last[client] = messages.by(rand.IntN(of.people))
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
