package wire

import (
	"bufio"
	"io"
	"net"
	"testing"
	"time"
)

// echo answers each line with itself.
func echo(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { io.Copy(conn, conn); conn.Close() }()
		}
	}()
	return listener.Addr().String()
}

func through(t *testing.T) (*Proxy, func() net.Conn) {
	t.Helper()
	p, err := New(echo(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p, func() net.Conn {
		conn, err := net.Dial("tcp", p.Addr())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
}

func TestACutComesAfterExactlySoManyBytes(t *testing.T) {
	p, dial := through(t)
	for _, cut := range []*Cut{NewCut(Down, 5, ""), NewCut(Down, 5, "lo wo"), NewCut(Down, 1, "hello")} {
		p.Arm(cut)
		conn := dial()
		io.WriteString(conn, "hello world\n")
		got, err := io.ReadAll(conn)
		if int64(len(got)) != cut.After {
			t.Errorf("%d bytes came, %v; the cut is after %d", len(got), err, cut.After)
		}
		<-cut.Done
	}
}

func TestACutThatDidNotComeMakesPlaceForTheNext(t *testing.T) {
	p, dial := through(t)
	conn := dial()
	lines := bufio.NewReader(conn)
	measured := NewCut(Down, 1<<40, "hello")
	p.Arm(measured)
	io.WriteString(conn, "hello\n")
	if _, err := lines.ReadString('\n'); err != nil || p.Passed(measured) != 6 {
		t.Fatalf("%d bytes counted, %v", p.Passed(measured), err)
	}
	p.Arm(NewCut(Down, 3, "hello"))
	io.WriteString(conn, "hello\n")
	if got, err := io.ReadAll(lines); string(got) != "hel" {
		t.Errorf("%q came, %v", got, err)
	}
}

func TestAHeldDirectionWaitsAndLosesNothing(t *testing.T) {
	p, dial := through(t)
	conn := dial()
	lines := bufio.NewReader(conn)
	for _, d := range []Direction{Up, Down} {
		var held Weather
		held.Held[d] = true
		p.Set(held)
		io.WriteString(conn, "hello\n")
		conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		if line, err := lines.ReadString('\n'); err == nil {
			t.Errorf("%q passed", line)
		}
		conn.SetReadDeadline(time.Time{})
		p.Set(Weather{Slice: 2, Delay: time.Millisecond})
		if line, err := lines.ReadString('\n'); line != "hello\n" {
			t.Errorf("%q came, %v", line, err)
		}
	}
}

func TestAResetEndsConnectionsAndRefusedOnesDoNotBegin(t *testing.T) {
	p, dial := through(t)
	conn := dial()
	io.WriteString(conn, "hello\n")
	if _, err := bufio.NewReader(conn).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	p.Reset()
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("the connection goes on")
	}
	p.Set(Weather{Refused: true})
	if n, err := dial().Read(make([]byte, 1)); err == nil {
		t.Errorf("%d bytes came", n)
	}
}
