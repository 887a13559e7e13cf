package server_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestADrainEndsStreamsFinishesRequestsAndAcceptsNothingNew(t *testing.T) {
	t.Parallel()
	h := open(t)
	ann := h.user("ann")
	h.chat("lobby", ann)
	s := h.follow("/chats/lobby/stream", ann...)
	s.until("event: ready")

	// A post of which the server has read the head, as its "100 Continue" says,
	// and waits for the body.
	conn, err := net.Dial("tcp", h.srv.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	fmt.Fprintf(conn, "POST /chats/lobby/messages HTTP/1.1\r\nHost: x\r\n%s: %s\r\nContent-Type: text/plain\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n", ann[0], ann[1])
	r := bufio.NewReader(conn)
	if line, err := r.ReadString('\n'); err != nil || !strings.Contains(line, "100") {
		t.Fatalf("%q %v", line, err)
	}
	_, _ = r.ReadString('\n')

	h.stop()
	s.until(`{"reason":"shutdown"}`)
	if _, err := s.r.ReadByte(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a shutdown looks like a final end: %v", err)
	}
	h.eventually("new connections are refused", func() bool {
		c, err := net.Dial("tcp", h.srv.Addr().String())
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	select {
	case err := <-h.served:
		t.Fatalf("the server ended before its request: %v", err)
	default:
	}
	fmt.Fprint(conn, "last-word")
	res, err := http.ReadResponse(r, nil)
	if err != nil || res.StatusCode != 201 {
		t.Fatalf("the request was not finished: %v %v", res, err)
	}
	res.Body.Close()
	h.drained()
}

func TestWhatWasAnsweredIsThereAfterARestart(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	h := open(t, func(s *settings) { s.Data = folder })
	ann := h.user("ann")
	h.chat("lobby", ann)
	posted := h.say("lobby", "kept-for-later", ann)
	h.drained()

	again := open(t, func(s *settings) { s.Data = folder })
	read := again.do("GET", posted.header.Get("Location"), "", ann...).want(200)
	if read.body != posted.body {
		t.Errorf("%s, not %s", read.body, posted.body)
	}
	// One cursor fits both processes.
	s := again.follow("/stream", with(ann, "Last-Event-ID", "1")...)
	s.until("kept-for-later")
}
