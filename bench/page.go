package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"parley/chat"
)

// pageText is how long the messages of a large page are, in characters: as long as a
// message may be.
const pageText = chat.MaxText

// pageReads is how often each page is read.
const pageReads = 40

// largePage is the largest page of history that there may be, read from parley, from
// the log behind net/http alone, and from net/http that has its bytes in memory.
func largePage(engines []*engine, scale scale) *scenario {
	s := &scenario{name: fmt.Sprintf("a page of %d messages of %d characters", chat.MaxHistory, pageText)}
	for _, e := range engines {
		s.entries = append(s.entries, entry{
			name: "parley/" + e.name, lasts: scale.seeding + pageReads*100*time.Millisecond,
			measure: func(ctx context.Context) (figures, latencies, error) {
				f, err := measurePage(ctx, e, scale)
				return f, nil, err
			},
			targets: []target{atMost(wantedSlowdown, pageTimes)},
		})
	}
	return s
}

func measurePage(ctx context.Context, e *engine, scale scale) (f figures, err error) {
	f = noFigures()
	db, err := e.newDatabase(ctx, seed{
		people: 1, chats: 1, messages: chat.MaxHistory, length: pageText, passwordHash: scale.posters.passwordHash,
	})
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, db.drop()) }()
	server, err := serve(ctx, db)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, server.stop()) }()
	netHTTP, err := startNetHTTP(ctx, db)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, netHTTP.stop()) }()

	token, err := server.logIn(ctx, username(1))
	if err != nil {
		return f, err
	}
	path := fmt.Sprintf("/chats/%s/messages?limit=%d", chatID(1), chat.MaxHistory)
	reads := []pageRead{{server, get(path, token)}, {netHTTP, get(path, token)}, {netHTTP, get("/again", token)}}
	took, err := comparePages(ctx, reads, pageReads/scale.fewer)
	if err != nil {
		return f, err
	}
	f[page], f[pageOfLog], f[pageOfMemory] = took[0], took[1], took[2]
	f[pageTimes], f[pageTimesMemory] = took[0]/took[1], took[0]/took[2]
	return f, nil
}

// pageRead is a request for a page.
type pageRead struct {
	of      *child
	request []byte
}

// comparePages reads pages in turns and returns the medians of how long each took.
func comparePages(ctx context.Context, reads []pageRead, n int) ([]float64, error) {
	var conns []*httpConn
	defer func() { hangUp(conns) }()
	for _, r := range reads {
		w, err := dial(ctx, r.of.address)
		if err != nil {
			return nil, err
		}
		conns = append(conns, w)
	}
	took, lengths := make([][]float64, len(reads)), make([]int, len(reads))
	for range n {
		for i, r := range reads {
			began := time.Now()
			body, err := conns[i].ask(r.request, http.StatusOK)
			if err != nil {
				return nil, err
			}
			took[i], lengths[i] = append(took[i], float64(time.Since(began))), len(body)
		}
	}
	medians := make([]float64, len(reads))
	for i := range reads {
		if lengths[i] != lengths[0] {
			return nil, fmt.Errorf("pages of %v bytes", lengths)
		}
		medians[i] = quantile(took[i], 0.5)
	}
	return medians, nil
}
