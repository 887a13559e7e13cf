package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// databaseAway is how long a round trip to a database in another rack takes.
const databaseAway = 3 * time.Millisecond

const (
	// joiners are so many clients that add members to chats, outsiders to choose from.
	joiners   = 100
	outsiders = 1000
	// joinedChats are the chats that they are added to; one more is the stranger's.
	joinedChats = 50
)

// joins is many new members on one instance, and a stranger that posts on another
// one. Both are as far from the database.
func joins(engines []*engine, scale scale) *scenario {
	s := &scenario{name: fmt.Sprintf("%d joins at once on one instance beside posts on another, the database %s away", joiners, databaseAway)}
	for _, e := range engines {
		if e.plain != plainPostgres {
			continue
		}
		s.entries = append(s.entries, entry{
			name: "parley/" + e.name, lasts: scale.contentionLasts() + scale.seeding,
			measure: func(ctx context.Context) (figures, latencies, error) {
				f, err := measureJoins(ctx, e, scale)
				return f, nil, err
			},
			targets: append(targetsOf(posts), atMost(0, refusedAndDone)),
		})
	}
	return s
}

func measureJoins(ctx context.Context, e *engine, scale scale) (f figures, err error) {
	db, err := e.newDatabase(ctx, seed{
		people: 2, chats: 1 + joinedChats, messages: scale.messagesOf(1 + joinedChats), outsiders: outsiders, passwordHash: scale.posters.passwordHash,
	})
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, db.drop()) }()
	away, delay, err := db.away(databaseAway)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, delay.close()) }()
	var children [2]*child
	var sessions [2]*session
	defer func() {
		for i := range children {
			sessions[i].close()
			err = errors.Join(err, children[i].stop())
		}
	}()
	for i, connections := range []int{joiners, strangersClients} {
		if children[i], err = serve(ctx, away); err != nil {
			return f, err
		}
		if sessions[i], err = children[i].session(ctx, username(i+1), connections); err != nil {
			return f, err
		}
	}
	heavy, other := sessions[0], sessions[1]
	joining := &joining{conns: heavy.conns, token: heavy.token}
	f, err = contend(ctx, contender{scale.heavyLoad(joiners), joining.join},
		stranger{contender{scale.strangersLoad(), other.post}, posts})
	if err != nil {
		return f, err
	}
	// What its instance has not stored by the time that it has ended, never will be.
	if err := children[0].stop(); err != nil {
		return f, err
	}
	f[refusedAndDone], err = joining.storedAllTheSame(ctx, db)
	return f, err
}

// joining adds outsiders to chats, one after the other.
type joining struct {
	conns []*httpConn
	token string
	next  atomic.Int64

	mu      sync.Mutex
	refused []join
}

// join makes an outsider a member.
type join struct{ chat, username string }

func (j *joining) join(_ context.Context, client, _ int) error {
	n := int(j.next.Add(1)) - 1
	if n >= joinedChats*outsiders {
		return errors.New("all outsiders are in all chats")
	}
	to := join{chatID(2 + n%joinedChats), outsider(1 + n/joinedChats)}
	request := fmt.Appendf(nil, "PUT /chats/%s/members/%s HTTP/1.1\r\nHost: parley\r\nContent-Type: application/json\r\n"+
		"Content-Length: 2\r\nAuthorization: Bearer %s\r\n\r\n{}", to.chat, to.username, j.token)
	_, err := j.conns[client].ask(request, http.StatusOK)
	if errors.Is(err, errRefused) {
		j.mu.Lock()
		j.refused = append(j.refused, to)
		j.mu.Unlock()
	}
	return err
}

// storedAllTheSame is how many of the joins that were refused are in the database.
func (j *joining) storedAllTheSame(ctx context.Context, db *database) (n float64, err error) {
	direct, err := db.engine.connect(db.address)
	if err != nil {
		return 0, err
	}
	defer direct.Close()
	for _, to := range j.refused {
		var is int
		if err := direct.GetContext(ctx, &is, direct.Rebind(`SELECT count(*) FROM memberships WHERE chat = ? AND username = ?`), to.chat, to.username); err != nil {
			return 0, err
		}
		n += float64(is)
	}
	return n, nil
}
