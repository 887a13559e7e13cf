package stream

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/e2e/sse"
)

// port is a broker over a log in memory behind a real server and real sockets.
type port struct {
	t      testing.TB
	log    *memLog
	broker *Broker
	server *httptest.Server
}

// atPort runs a test on the portable path and, where there is one, on the fast
// path.
func atPort(t *testing.T, o Options, test func(p *port)) {
	for _, portable := range []bool{true, false} {
		name := "fast"
		if portable {
			name = "portable"
		}
		t.Run(name, func(t *testing.T) {
			o := o
			o.Portable = portable
			test(openPort(t, o))
		})
	}
}

func openPort(t testing.TB, o Options) *port {
	p := &port{t: t, log: newMemLog()}
	p.log.commit(joins("lobby", "ann"), joins("lobby", "bob"))
	p.broker = New(p.log, o)
	if err := p.broker.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := Start{Chat: "lobby", Actor: ann(), After: r.URL.Query().Get("after")}
		s.Limit, _ = strconv.ParseInt(r.URL.Query().Get("limit"), 10, 64)
		if err := p.broker.Serve(w, r, &s); err != nil && r.Context().Err() == nil {
			t.Errorf("serving: %v", err)
		}
	}))
	p.server.Config.ConnContext = ConnContext
	p.server.Start()
	t.Cleanup(func() {
		p.broker.Drain()
		p.server.Close()
		p.broker.Close()
	})
	return p
}

// patience is how long a test waits for what must come, and far the patience that a
// test may lend a broker: what stands still for a moment on a busy machine is not cut.
const (
	patience = 2 * time.Minute
	far      = 2 * time.Second
)

// say commits messages and tells the broker.
func (p *port) say(from, to int) { p.broker.Committed(p.log.commit(numbered(from, to)...)) }

// dial connects and sends a request as it stands.
func (p *port) dial(request string) *net.TCPConn {
	p.t.Helper()
	c, err := net.Dial("tcp", p.server.Listener.Addr().String())
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, request); err != nil {
		p.t.Fatal(err)
	}
	return c.(*net.TCPConn)
}

const follow = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

// listener is a client that reads its stream.
type listener struct {
	t      testing.TB
	conn   *net.TCPConn
	answer *http.Response
	events *sse.Reader
}

// listen opens a stream and reads up to its `ready`.
func (p *port) listen(request string) *listener {
	p.t.Helper()
	l := &listener{t: p.t, conn: p.dial(request)}
	var err error
	if l.answer, err = http.ReadResponse(bufio.NewReader(l.conn), nil); err != nil {
		p.t.Fatal(err)
	}
	l.events = sse.NewReader(l.answer.Body)
	l.until("ready")
	return l
}

// until reads up to the event with that name or text.
func (l *listener) until(what string) {
	l.t.Helper()
	for {
		b, err := l.events.Next()
		if err != nil {
			l.t.Fatalf("waiting for %q: %v", what, err)
		}
		if b.HasData && (b.Name == what || b.Name == "" && b.Text() == what) {
			return
		}
	}
}

// open is how many streams the broker holds.
func (p *port) open() int {
	p.broker.mu.Lock()
	defer p.broker.mu.Unlock()
	n := 0
	for _, readers := range p.broker.users {
		n += len(readers)
	}
	return n
}

// eventually waits until a condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

func TestAResponseIsInChunksExceptToHTTP10(t *testing.T) {
	atPort(t, Options{}, func(p *port) {
		l := p.listen(follow)
		expect(p.t, "coding", strings.Join(l.answer.TransferEncoding, ","), "chunked")
		expect(p.t, "type", l.answer.Header.Get("Content-Type"), "text/event-stream")
		if l.answer.Header.Get("Date") == "" {
			p.t.Error("no Date")
		}
		p.say(1, 3)
		l.until("3")

		l = p.listen("GET / HTTP/1.0\r\n\r\n")
		expect(p.t, "coding", len(l.answer.TransferEncoding), 0)
		expect(p.t, "closes", l.answer.Close, true)
		p.say(4, 6)
		l.until("6")
	})
}

func TestAFinalEndIsCleanAndTheOthersBreakOff(t *testing.T) {
	atPort(t, Options{}, func(p *port) {
		limited := p.listen("GET /?limit=2 HTTP/1.1\r\nHost: x\r\n\r\n")
		going := p.listen(follow)
		p.say(1, 5)
		limited.until("bye")
		if _, err := limited.events.Next(); err != io.EOF {
			p.t.Errorf("a final end: %v", err)
		}
		go p.broker.Drain()
		going.until("bye")
		if _, err := going.events.Next(); !errors.Is(err, io.ErrUnexpectedEOF) {
			p.t.Errorf("an end to survive: %v", err)
		}
	})
}

func TestAClientThatGoesIsNoticed(t *testing.T) {
	for name, goes := range map[string]func(*net.TCPConn){
		"closes":        func(c *net.TCPConn) { c.Close() },
		"half-closes":   func(c *net.TCPConn) { c.CloseWrite() },
		"resets":        func(c *net.TCPConn) { c.SetLinger(0); c.Close() },
		"says and goes": func(c *net.TCPConn) { io.WriteString(c, "garbage"); c.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			atPort(t, Options{Ping: time.Hour}, func(p *port) {
				other := p.listen(follow)
				goes(p.listen(follow).conn)
				eventually(p.t, "one stream is left", func() bool { return p.open() == 1 })
				p.say(1, 1)
				other.until("1")
			})
		})
	}
}

func TestWhatAClientSaysOnAStreamChangesNothing(t *testing.T) {
	for name, request := range map[string]string{
		"a body":            "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
		"a body that waits": "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 50000\r\n\r\nhello",
		"another request":   follow + follow,
		"garbage":           follow + "\x00\xff\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			atPort(t, Options{}, func(p *port) {
				l := p.listen(request)
				p.say(1, 2)
				l.until("2")
				io.WriteString(l.conn, strings.Repeat("x", 1000))
				p.say(3, 4)
				l.until("4")
			})
		})
	}
}

func TestAClientThatNeverStopsTalkingIsCutOff(t *testing.T) {
	atPort(t, Options{}, func(p *port) {
		other := p.listen(follow)
		l := p.listen(follow)
		_, _ = io.Copy(l.conn, io.LimitReader(endless{}, 64<<20)) // fails when it is cut off
		eventually(p.t, "one stream is left", func() bool { return p.open() == 1 })
		p.say(1, 1)
		other.until("1")
	})
}

// endless is something to read without an end.
type endless struct{}

func (endless) Read(b []byte) (int, error) { return len(b), nil }

// sayUntilAloneWith says more and more, which a listener has to hear without delay,
// until the stream beside his is cut.
func (p *port) sayUntilAloneWith(l *listener) {
	p.t.Helper()
	eventually(p.t, "both are open", func() bool { return p.open() == 2 })
	last := 0
	eventually(p.t, "one stream is left", func() bool {
		p.say(last+1, last+100)
		last += 100
		l.until(strconv.Itoa(last))
		return p.open() == 1
	})
}

func TestWhoStopsReadingIsCutAndTheOthersDoNotNotice(t *testing.T) {
	atPort(t, Options{Patience: far}, func(p *port) {
		other := p.listen(follow)
		stalled := p.dial(follow)
		stalled.SetReadBuffer(4096)
		p.sayUntilAloneWith(other)
	})
}

func TestWhoReadsAByteAtATimeIsCutAndTheOthersDoNotNotice(t *testing.T) {
	atPort(t, Options{Patience: far}, func(p *port) {
		other := p.listen(follow)
		trickling := p.dial(follow)
		trickling.SetReadBuffer(4096)
		go func() {
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			for range tick.C {
				if _, err := trickling.Read(make([]byte, 1)); err != nil {
					return
				}
			}
		}()
		p.sayUntilAloneWith(other)
	})
}

func TestAHundredThatReadALongChatFromItsBeginningShareTheReading(t *testing.T) {
	const messages, crowd = 50_000, 100
	atPort(t, Options{TotalBytes: 48 << 20, Patience: patience}, func(p *port) {
		p.say(1, messages)
		eventually(p.t, "the tail is there", func() bool { return p.broker.position() == messages+2 })
		live := p.listen(follow)
		var reading sync.WaitGroup
		for range crowd {
			c := p.dial("GET /?after=earliest&limit=" + strconv.Itoa(messages+2) + " HTTP/1.1\r\nHost: x\r\n\r\n")
			reading.Go(func() {
				c.SetDeadline(time.Now().Add(2 * patience))
				answer, err := http.ReadResponse(bufio.NewReaderSize(c, 64<<10), nil)
				if err != nil {
					p.t.Error(err)
					return
				}
				count := 0
				lines := bufio.NewScanner(answer.Body)
				for lines.Scan() {
					if strings.HasPrefix(lines.Text(), `data: {"id":`) {
						count++
					}
				}
				if count != messages {
					p.t.Errorf("%d messages came, and %v", count, lines.Err())
				}
			})
		}
		for i := range 20 {
			p.say(messages+i+1, messages+i+1)
			live.until(strconv.Itoa(messages + i + 1))
			p.broker.mu.Lock()
			if p.broker.memory.bytes() > 49<<20 {
				p.t.Errorf("%d bytes are kept", p.broker.memory.bytes())
			}
			p.broker.mu.Unlock()
		}
		reading.Wait()
		p.log.mu.Lock()
		defer p.log.mu.Unlock()
		if most := 2 * messages / segmentEvents; p.log.pages > most {
			p.t.Errorf("the log was read %d times, more than %d", p.log.pages, most)
		}
	})
}

func TestWhoReadsSlowlyIsGivenEverythingOnceInOrder(t *testing.T) {
	atPort(t, Options{RoomBytes: 20_000}, func(p *port) {
		slow := p.listen(follow)
		slow.conn.SetReadBuffer(4096)
		for i := range 30 {
			p.say(100*i+1, 100*i+100)
		}
		for i := 1; i <= 3000; i++ {
			b, err := slow.events.Next()
			if err != nil {
				p.t.Fatal(err)
			}
			if b.Text() != strconv.Itoa(i) {
				p.t.Fatalf("%+v instead of %d", b, i)
			}
		}
	})
}

func TestTenThousandStreamsThatCameAndWentLeaveNothingBehind(t *testing.T) {
	const streams, atOnce = 10_000, 50
	atPort(t, Options{}, func(p *port) {
		for range p.broker.loops { // each has its turn, and begins what it keeps
			p.listen(follow).conn.Close()
		}
		eventually(p.t, "none is left", func() bool { return p.open() == 0 })
		goroutines, descriptors := runtime.NumGoroutine(), openDescriptors()
		for range streams / atOnce {
			var conns []*net.TCPConn
			for range atOnce {
				conns = append(conns, p.dial(follow))
			}
			for i, c := range conns {
				if i%2 == 0 { // some go before they have heard anything
					c.SetReadDeadline(time.Now().Add(10 * time.Second))
					c.Read(make([]byte, 1))
				}
				c.Close()
			}
		}
		eventually(p.t, "none is left", func() bool { return p.open() == 0 })
		eventually(p.t, fmt.Sprintf("there are %d goroutines again", goroutines), func() bool { return runtime.NumGoroutine() <= goroutines })
		if descriptors >= 0 {
			eventually(p.t, fmt.Sprintf("there are %d descriptors again", descriptors), func() bool { return openDescriptors() <= descriptors })
		}
		// What had just connected, and gone, may have been read of only then.
		eventually(p.t, "no room is left", func() bool {
			p.broker.mu.Lock()
			defer p.broker.mu.Unlock()
			return len(p.broker.memory.rooms) == 0
		})
	})
}

// openDescriptors is how many files this process has open; below 0 where the system
// does not say.
func openDescriptors() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return -1
	}
	return len(entries)
}

func TestACrowdThatCatchesUpReadsTheLogOnce(t *testing.T) {
	atPort(t, Options{}, func(p *port) {
		p.say(1, 200)
		eventually(p.t, "the tail is there", func() bool { return p.broker.position() == 202 })
		p.log.mu.Lock()
		p.log.slow = 50 * time.Millisecond
		reads := p.log.pages
		p.log.mu.Unlock()
		var crowd []*listener
		for range 100 {
			crowd = append(crowd, &listener{t: p.t, conn: p.dial("GET /?after=2 HTTP/1.1\r\nHost: x\r\n\r\n")})
		}
		for _, l := range crowd {
			answer, err := http.ReadResponse(bufio.NewReader(l.conn), nil)
			if err != nil {
				p.t.Fatal(err)
			}
			l.events = sse.NewReader(answer.Body)
			l.until("200")
		}
		p.log.mu.Lock()
		defer p.log.mu.Unlock()
		if n := p.log.pages - reads; n > 2 {
			p.t.Errorf("the log was read %d times", n)
		}
	})
}
