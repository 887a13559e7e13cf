package main

import (
	"bufio"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// limit is the least that a server can do that sends each message by itself: it
// holds sockets, and writes the ready frame to each of them with one write(2) that
// does not wait. It knows no users, stores nothing, and cuts off readers that do
// not keep up. Only fewer writes can be faster.
type limit struct {
	mu    sync.Mutex
	rooms map[string]*limitRoom
}

type limitRoom struct {
	mu      sync.Mutex
	id      int64
	sockets []int
}

// serveLimit is limit as a role.
func serveLimit(in *bufio.Reader) error {
	l := &limit{rooms: make(map[string]*limitRoom)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /chats/{chat}/stream", l.stream)
	mux.HandleFunc("POST /chats/{chat}/messages", l.post)
	return serveRival(in, mux)
}

func (l *limit) room(chatID string) *limitRoom {
	l.mu.Lock()
	defer l.mu.Unlock()
	room := l.rooms[chatID]
	if room == nil {
		room = &limitRoom{}
		l.rooms[chatID] = room
	}
	return room
}

func (l *limit) stream(w http.ResponseWriter, r *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	socket, err := duplicate(conn.(syscall.Conn))
	if err != nil {
		return
	}
	room := l.room(r.PathValue("chat"))
	room.mu.Lock()
	defer room.mu.Unlock()
	if _, err := unix.Write(socket, []byte(streamHead)); err != nil {
		unix.Close(socket)
		return
	}
	room.sockets = append(room.sockets, socket)
}

// duplicate is the connection's socket without all that net keeps of it.
func duplicate(c syscall.Conn) (socket int, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	var failed error
	err = raw.Control(func(fd uintptr) { socket, failed = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) })
	return socket, errors.Join(err, failed)
}

func (l *limit) post(w http.ResponseWriter, r *http.Request) {
	message, err := l.room(r.PathValue("chat")).send(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusCreated)
	_, _ = w.Write(message)
}

func (room *limitRoom) send(r *http.Request) ([]byte, error) {
	room.mu.Lock()
	defer room.mu.Unlock()
	room.id++
	message, err := posted(r, r.PathValue("chat"), room.id)
	if err != nil {
		return nil, err
	}
	block := fmt.Appendf(nil, "data: %s\nid: %d\n\n", message, room.id)
	frame := fmt.Appendf(nil, "%x\r\n%s\r\n", len(block), block)
	kept := room.sockets[:0]
	for _, socket := range room.sockets {
		if n, err := unix.Write(socket, frame); err != nil || n < len(frame) {
			unix.Close(socket)
			continue
		}
		kept = append(kept, socket)
	}
	room.sockets = kept
	return message, nil
}
