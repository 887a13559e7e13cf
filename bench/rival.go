package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"time"

	"parley/chat"
)

// serveRival serves a handler as a role.
func serveRival(in *bufio.Reader, handler http.Handler) error {
	if err := readSettings(in, &struct{}{}); err != nil {
		return err
	}
	return serveUntilStdinEnds(in, handler)
}

// serveUntilStdinEnds serves a handler to the end of in.
func serveUntilStdinEnds(in *bufio.Reader, handler http.Handler) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if _, err := fmt.Println(listener.Addr()); err != nil {
		return err
	}
	srv := &http.Server{Handler: handler}
	go func() {
		<-untilStdinEnds(in).Done()
		_ = srv.Close()
	}()
	if err := srv.Serve(listener); err != http.ErrServerClosed {
		return err
	}
	return nil
}

// streamHead begins a stream of server-sent events in chunks.
const streamHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

// posted reads a request to post, and makes of it the message that a rival sends
// and answers: the same JSON as parley's, so that all systems carry the same bytes.
// A rival neither checks the author nor stores anything.
func posted(r *http.Request, chatID string, id int64) ([]byte, error) {
	var post struct {
		Text string `json:"text"`
	}
	if err := json.NewDecoder(r.Body).Decode(&post); err != nil {
		return nil, err
	}
	return json.Marshal(chat.Message{
		ID: id, Seq: id, Chat: chatID, Author: username(1), Text: post.Text, CreatedAt: chat.NewTime(time.Now()),
	})
}
