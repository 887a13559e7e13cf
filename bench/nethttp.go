package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"

	"github.com/go-json-experiment/json"

	"parley/chat"
	"parley/repository"
)

// netHTTPSettings name the database and how many people are in it.
type netHTTPSettings struct {
	Database string
	People   int
}

// startNetHTTP starts net/http alone on a database.
func startNetHTTP(ctx context.Context, db *database) (*child, error) {
	c, err := newChild()
	if err != nil {
		return nil, err
	}
	if err := c.startRole(ctx, "nethttp", netHTTPSettings{db.address, db.seed.people}); err != nil {
		return nil, errors.Join(fmt.Errorf("starting net/http alone: %w", err), c.stop())
	}
	return c, nil
}

// serveNetHTTP is parley's log behind net/http and nothing else as a role. It gets the
// same requests as parley and reads all of them, but checks none.
func serveNetHTTP(in *bufio.Reader) error {
	var settings netHTTPSettings
	if err := readSettings(in, &settings); err != nil {
		return err
	}
	repo, err := repository.Open(context.Background(), repository.Options{URL: settings.Database, PostKey: postKey})
	if err != nil {
		return err
	}
	defer repo.Close()
	people := seed{people: settings.People}
	var n atomic.Int64
	mux := http.NewServeMux()
	mux.HandleFunc("POST /chats/{chat}/messages", func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		posted, err := repo.Post(r.Context(), people.actor(int(n.Add(1))), chat.Post{Chat: r.PathValue("chat"), Text: text})
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = fmt.Fprintln(w, posted.Message.ID)
	})
	var last atomic.Pointer[[]byte]
	mux.HandleFunc("GET /chats/{chat}/messages", func(w http.ResponseWriter, r *http.Request) {
		page, err := repo.History(r.Context(), people.actor(0), r.PathValue("chat"), chat.HistoryQuery{Limit: chat.MaxHistory})
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		body, err := json.Marshal(page)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		body = append(body, '\n')
		last.Store(&body)
		_, _ = w.Write(body)
	})
	// The last page that was answered, from memory.
	mux.HandleFunc("GET /again", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(*last.Load()) })
	return serveUntilStdinEnds(in, mux)
}
