package e2e

import (
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// Whatever strangers do to their sockets, those who behave do not notice, and when
// the strangers are gone nothing of them is left.
func TestBadPeersHurtNobodyAndLeaveNothingBehind(t *testing.T) {
	t.Parallel()
	p := serve(t, "--limits", "off")
	ann := newPerson(t, p)
	chatID := ann.makeChat()
	token := ann.login(p).Token
	follow := fmt.Sprintf("GET /chats/%s/stream?after=earliest HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n", chatID, token)

	for name, bad := range map[string]struct {
		peers int
		// does says what a peer does; it returns when its socket is done with.
		does func(c *net.TCPConn)
	}{
		"never finish their headers": {2000, func(c *net.TCPConn) {
			io.WriteString(c, "GET /stream HTTP/1.1\r\nHost:")
			io.Copy(io.Discard, c) // until the server has had enough
		}},
		"open a stream and go": {2000, func(c *net.TCPConn) {
			io.WriteString(c, follow+"\r\n")
			c.Read(make([]byte, 1))
		}},
		"open a stream and vanish": {500, func(c *net.TCPConn) {
			io.WriteString(c, follow+"\r\n")
			c.SetLinger(0)
		}},
		"send a body that never ends": {50, func(c *net.TCPConn) {
			io.WriteString(c, follow+"Content-Length: 100000000\r\n\r\n")
			io.CopyN(c, endless{}, 1<<20)
		}},
		"talk on a stream": {200, func(c *net.TCPConn) {
			io.WriteString(c, follow+"\r\n\x00garbage\r\n\r\nGET / HTTP/1.1\r\n\r\n")
			c.Read(make([]byte, 1))
		}},
		"close their half": {200, func(c *net.TCPConn) {
			io.WriteString(c, follow+"\r\n")
			c.CloseWrite()
			io.Copy(io.Discard, c)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			feed := mustOpenFeed(t, p.URL+"/chats/"+chatID+"/stream", token, "")
			defer feed.close()
			feed.until(t, "ready")
			goroutines, descriptors := metric(t, p, "go_goroutines"), metric(t, p, "process_open_fds")
			var peers sync.WaitGroup
			for range bad.peers {
				peers.Go(func() {
					conn, err := net.Dial("tcp", p.Addr())
					if err != nil {
						t.Error(err)
						return
					}
					defer conn.Close()
					conn.SetDeadline(time.Now().Add(time.Minute))
					bad.does(conn.(*net.TCPConn))
				})
			}
			for i := range 20 {
				posted := ann.post(chatID, fmt.Sprint("meanwhile ", i))
				if got := messageOf(t, feed.until(t, "")); got.ID != posted.ID {
					t.Fatalf("%d was seen instead of %d", got.ID, posted.ID)
				}
			}
			peers.Wait()
			waitFor(t, func() bool {
				// It keeps what it has opened meanwhile for as many processors as there
				// are: connections to its database, and pollers. Of each peer's there
				// were more.
				const kept = 40
				return metric(t, p, "parley_streams_open") == 1 &&
					metric(t, p, "go_goroutines") <= goroutines+kept && metric(t, p, "process_open_fds") <= descriptors+kept
			})
		})
	}
}

// endless is something to read without an end.
type endless struct{}

func (endless) Read(b []byte) (int, error) { return len(b), nil }
