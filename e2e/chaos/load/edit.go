package load

import (
	"context"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"parley/e2e/chaos/history"
)

// said is a message that was acknowledged, of one who stays.
type said struct {
	id      int64
	text    string
	author  *user
	version int
}

// maxSaid is how many messages are kept to be edited, the newest.
const maxSaid = 32

// remember keeps an acknowledged message to be edited.
func (w *World) remember(p *history.Post, author *user) {
	last := p.Tries[len(p.Tries)-1]
	if w.Edits == 0 || last.Status != 200 && last.Status != 201 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.messages = append(w.messages, &said{id: last.Answer.ID, text: p.Text, author: author})
	if n := len(w.messages); n > maxSaid {
		w.messages = w.messages[n-maxSaid:]
	}
}

// edit edits what was said, and deletes some of it.
func (w *World) edit(ctx context.Context, r *rand.Rand) {
	for pause(ctx, time.Duration(r.Int64N(int64(2*w.Edits)))) {
		m := w.someSaid(r)
		if m == nil || m.version == history.Gone {
			continue
		}
		version := m.version + 1
		if r.IntN(8) == 0 {
			version = history.Gone
		}
		e := history.Edit{ID: m.id, Version: version, Start: w.Record.Since()}
		for e.Status = 0; !w.answered(e.Status) && !w.givenUp(); {
			if e.Status = w.change(w.base(r), m, version); !w.answered(e.Status) {
				time.Sleep(time.Duration(5+r.IntN(100)) * time.Millisecond)
			}
		}
		e.End = w.Record.Since()
		w.Record.Edit(e)
		m.version = version // only this goroutine edits
	}
}

// change makes a version of a message, and returns the status. It changes the message as it was
// read alone: a request that was given up may be carried out when an instance that stood still
// goes on, and would bring back what was replaced since.
func (w *World) change(base string, m *said, version int) (status int) {
	ctx, path := context.Background(), "/messages/"+strconv.FormatInt(m.id, 10)
	if version == history.Gone {
		status, _ = w.call(ctx, base, "DELETE", path, m.author.token, nil, nil)
		return status
	}
	var now history.Message
	text := history.Edited(m.text, version)
	status, header := w.call(ctx, base, "GET", path, m.author.token, nil, &now)
	if status != http.StatusOK || now.Text == text { // as a request made it that had no answer
		return status
	}
	status, _ = w.call(ctx, base, "PATCH", path, m.author.token, map[string]string{"text": text}, nil, "If-Match", header.Get("ETag"))
	if status == http.StatusPreconditionFailed {
		return 0 // it has been made meanwhile
	}
	return status
}

// answered says that a request in a session that goes on was answered for good.
func (w *World) answered(status int) bool {
	return status >= 200 && status < 500 && status != http.StatusTooManyRequests && !(w.Skewed && status == http.StatusUnauthorized)
}

func (w *World) someSaid(r *rand.Rand) *said {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.messages) == 0 {
		return nil
	}
	return w.messages[r.IntN(len(w.messages))]
}
