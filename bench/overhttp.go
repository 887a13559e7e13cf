package main

import (
	"context"
	"errors"
	"fmt"

	"parley/repository"
)

// wantedShare is which part of the log's own speed is to arrive over HTTP, or
// wantedPosts a second.
const (
	wantedShare = 0.6
	wantedPosts = 10_000
)

// overHTTP compares posting over HTTP with posting to the log itself, and with what is
// left of that behind net/http alone: no service that stands on it can do better.
func overHTTP(engines []*engine, scale scale) section {
	s := section{
		title: "The same over HTTP, tokens checked: server, clients and database on this machine",
		columns: []string{"database", "clients", "log posts/s", "net/http alone", "HTTP posts/s", "share",
			"HTTP p50", "HTTP p99", "wanted", "met"},
	}
	for _, e := range engines {
		s.groups = append(s.groups, overHTTPGroup(e, scale))
	}
	return s
}

func overHTTPGroup(e *engine, scale scale) group {
	var bare, served, behind *database
	var repo *repository.Repository
	var server, netHTTP *child
	var tokens []string
	to := spreads(scale.posters)[0]
	g := group{
		name:  "http/" + e.name,
		lasts: 4 * scale.seeding,
		open: func(ctx context.Context) (err error) {
			if bare, err = e.newDatabase(ctx, scale.posters); err != nil {
				return err
			}
			if repo, err = bare.open(ctx); err != nil {
				return err
			}
			if served, err = e.newDatabase(ctx, scale.posters); err != nil {
				return err
			}
			if server, err = serve(ctx, served); err != nil {
				return err
			}
			if behind, err = e.newDatabase(ctx, scale.posters); err != nil {
				return err
			}
			if netHTTP, err = startNetHTTP(ctx, behind); err != nil {
				return err
			}
			for n := range scale.posters.people {
				token, err := server.logIn(ctx, username(n+1))
				if err != nil {
					return fmt.Errorf("logging in: %w", err)
				}
				tokens = append(tokens, token)
			}
			return nil
		},
		close: func() (err error) {
			if repo != nil {
				err = repo.Close()
			}
			return errors.Join(err, server.stop(), netHTTP.stop(), bare.drop(), served.drop(), behind.drop())
		},
	}
	for _, clients := range scale.clients {
		l := scale.load(clients)
		g.cells = append(g.cells, cell{
			name:  count(clients, "client"),
			lasts: l.rounds(scale.turns, 3),
			measure: func(ctx context.Context) ([]string, error) {
				operations := []operation{logPosts(repo, scale.posters, to)}
				for _, c := range []*child{netHTTP, server} {
					conns, err := dialAll(ctx, c.address, clients)
					if err != nil {
						return nil, err
					}
					defer hangUp(conns)
					operations = append(operations, func(_ context.Context, client, _ int) error {
						return conns[client].post(chatID(to.pick()), tokens[client%len(tokens)], text)
					})
				}
				all, err := l.compare(ctx, scale.turns, operations...)
				if err != nil {
					return nil, err
				}
				log, alone, http := all[0], all[1], all[2]
				share := http.rate() / log.rate()
				return []string{e.name, fmt.Sprint(clients), perSecond(log.rate()), perSecond(alone.rate()), perSecond(http.rate()),
					fmt.Sprintf("%.0f %%", 100*share), milliseconds(http.took(0.5)), milliseconds(http.took(0.99)),
					fmt.Sprintf("≥ %.0f %% or %d/s", 100*wantedShare, wantedPosts),
					met(share >= wantedShare || http.rate() >= wantedPosts)}, nil
			},
		})
	}
	return g
}
