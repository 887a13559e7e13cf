package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"parley/chat"
	"parley/repository"
)

// wantedGrowth is how many times as long a read may take in the large log.
const wantedGrowth = 1.3

// behind is how many messages a stream that comes back has missed.
const behind = 50

// reading compares a small log with a large one.
func reading(engines []*engine, scale scale) section {
	small, large := scale.readers[0].messages, scale.readers[1].messages
	s := section{
		title: "Reading in a small log and in a large one, medians",
		columns: []string{"database", "what is read", fmt.Sprintf("%d messages", small), fmt.Sprintf("%d messages", large),
			"ratio", "wanted", "met"},
	}
	for _, e := range engines {
		s.groups = append(s.groups, readingGroup(e, scale))
	}
	return s
}

// log is a log that is read: through the repository and through a server.
type log struct {
	database *database
	repo     *repository.Repository
	server   *child
	token    string
}

func openLog(ctx context.Context, e *engine, s seed) (*log, error) {
	l := &log{}
	var err error
	if l.database, err = e.newDatabase(ctx, s); err != nil {
		return l, err
	}
	if l.repo, err = l.database.open(ctx); err != nil {
		return l, err
	}
	if l.server, err = serve(ctx, l.database); err != nil {
		return l, err
	}
	l.token, err = l.server.logIn(ctx, username(1))
	return l, err
}

func (l *log) close() (err error) {
	if l == nil {
		return nil
	}
	if l.repo != nil {
		err = l.repo.Close()
	}
	return errors.Join(err, l.server.stop(), l.database.drop())
}

// read is one of the things that are read, in a chat of that number.
type read struct {
	name string
	do   func(ctx context.Context, l *log, ch int) error
}

var reads = []read{
	{"newest page of history", func(ctx context.Context, l *log, ch int) error {
		return l.history(ctx, ch, chat.HistoryQuery{Limit: chat.DefaultHistory})
	}},
	{"page before the middle", func(ctx context.Context, l *log, ch int) error {
		middle := l.messageID(ch, 1, 2)
		return l.history(ctx, ch, chat.HistoryQuery{Before: &middle, Limit: chat.DefaultHistory})
	}},
	{"a chat's stream, 50 behind, until ready (HTTP)", func(ctx context.Context, l *log, ch int) error {
		last := l.messageID(ch, 1, 1)
		return l.follow(ctx, "/chats/"+chatID(ch)+"/stream", last-behind*int64(l.database.seed.chats))
	}},
	{"all chats' stream, 50 behind, until ready (HTTP)", func(ctx context.Context, l *log, ch int) error {
		last := l.messageID(l.database.seed.chats, 1, 1)
		return l.follow(ctx, "/stream", last-behind)
	}},
}

// messageID is the id of the message at this part of a chat's own.
func (l *log) messageID(ch, numerator, denominator int) int64 {
	s := l.database.seed
	return s.messageID(ch, s.messages/s.chats*numerator/denominator)
}

func (l *log) history(ctx context.Context, ch int, q chat.HistoryQuery) error {
	page, err := l.repo.History(ctx, l.database.seed.actor(0), chatID(ch), q)
	if err == nil && len(page.Messages) != q.Limit {
		err = fmt.Errorf("a page has %d messages and not %d", len(page.Messages), q.Limit)
	}
	return err
}

// follow opens a stream on a connection of its own, as a client that reconnects does.
func (l *log) follow(ctx context.Context, path string, after int64) error {
	w, err := dial(ctx, l.server.address)
	if err != nil {
		return err
	}
	defer w.conn.Close()
	messages, err := w.follow(path, l.token, strconv.FormatInt(after, 10))
	if err == nil && messages != behind {
		err = fmt.Errorf("the stream brought %d messages and not %d", messages, behind)
	}
	return err
}

func readingGroup(e *engine, scale scale) group {
	var logs [2]*log
	g := group{
		name:  "reading/" + e.name,
		lasts: scale.seedingReaders,
		open: func(ctx context.Context) (err error) {
			for i, s := range scale.readers {
				if logs[i], err = openLog(ctx, e, s); err != nil {
					return err
				}
			}
			return nil
		},
		close: func() error { return errors.Join(logs[0].close(), logs[1].close()) },
	}
	for _, r := range reads {
		g.cells = append(g.cells, cell{
			name:  r.name,
			lasts: time.Duration(scale.reads) * 10 * time.Millisecond,
			measure: func(ctx context.Context) ([]string, error) {
				took, err := r.compare(ctx, logs, scale.reads)
				if err != nil {
					return nil, err
				}
				ratio := float64(took[1]) / float64(took[0])
				return []string{e.name, r.name, milliseconds(took[0]), milliseconds(took[1]), fmt.Sprintf("%.2f", ratio),
					fmt.Sprintf("≤ %.1f", wantedGrowth), met(ratio <= wantedGrowth)}, nil
			},
		})
	}
	return g
}

// compare reads from both logs in turns, going round their chats, and returns
// the medians.
func (r read) compare(ctx context.Context, logs [2]*log, reads int) (medians [2]time.Duration, err error) {
	var took [2][]time.Duration
	// The first round of the chats warms what is warm in a service that runs.
	warm := logs[0].database.seed.chats
	for n := range warm + reads {
		for i, l := range logs {
			began := time.Now()
			if err := r.do(ctx, l, n%l.database.seed.chats+1); err != nil {
				return medians, err
			}
			if n >= warm {
				took[i] = append(took[i], time.Since(began))
			}
		}
	}
	return [2]time.Duration{quantile(took[0], 0.5), quantile(took[1], 0.5)}, nil
}
