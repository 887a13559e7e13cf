package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
)

// socketIOFiles are a server of Socket.IO, and the versions of all that it needs.
//
//go:embed socketio/package.json socketio/package-lock.json socketio/server.js
var socketIOFiles embed.FS

// socketIO is a chat of Socket.IO, express and jsonwebtoken, as its tutorials teach
// it. What it needs is installed into the folder when it is first started.
func socketIO(folder string) system {
	install := sync.OnceValues(func() (string, error) { return installSocketIO(folder) })
	start := func(ctx context.Context, _ seed) (_ *instance, err error) {
		dir, err := install()
		if err != nil {
			return nil, err
		}
		c, err := newChild()
		if err != nil {
			return nil, err
		}
		process := exec.Command("node", "--expose-gc", "server.js")
		process.Dir = dir
		s := &instance{child: c, opened: `42["ready"]`, greeted: `0{"sid":`}
		if err := c.start(ctx, process, struct{}{}); err != nil {
			return nil, errors.Join(fmt.Errorf("starting Socket.IO: %w", err), s.stop())
		}
		if s.token, err = c.logIn(ctx, username(1)); err != nil {
			return nil, errors.Join(fmt.Errorf("logging in to Socket.IO: %w", err), s.stop())
		}
		s.request = func(int, int64) []byte { return []byte(webSocket) }
		s.reply = func(ch int) []byte { return connectSocketIO(s.token, chatID(ch)) }
		return s, nil
	}
	return system{name: "socketio", start: start}
}

// missingForSocketIO says which program of those that Socket.IO needs is missing.
func missingForSocketIO() string {
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			return program
		}
	}
	return ""
}

func installSocketIO(folder string) (string, error) {
	if err := os.CopyFS(folder, socketIOFiles); err != nil {
		return "", err
	}
	dir := filepath.Join(folder, "socketio")
	npm := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	npm.Dir = dir
	if out, err := npm.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm ci: %w: %s", err, out)
	}
	return dir, nil
}

// webSocket is the handshake of a WebSocket (RFC 6455, section 4.1) of Socket.IO.
const webSocket = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: parley\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: cGFybGV5IGJlbmNobWFyaw==\r\n\r\n"

// connectSocketIO is the frame in which a client of Socket.IO names itself and, as
// this server wants it, which chat it follows.
func connectSocketIO(token, chatID string) []byte {
	connect := fmt.Sprintf(`40{"token":%q,"chat":%q}`, token, chatID)
	const textFrame, masked, length16 = 0x81, 0x80, 126
	b := []byte{textFrame, masked | length16, byte(len(connect) >> 8), byte(len(connect))}
	// A mask of zeros leaves the payload as it is.
	b = append(b, 0, 0, 0, 0)
	return append(b, connect...)
}
