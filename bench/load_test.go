package main

import (
	"context"
	"io"
	"net"
	"testing"
	"time"
)

func TestRateCountsFromWhenARequestWasDue(t *testing.T) {
	// Of requests that are due every 10 ms and take 40 ms, each is 30 ms later than the
	// one before it.
	l := load{clients: 1, rate: 100, time: 100 * time.Millisecond}
	got, err := l.run(t.Context(), func(context.Context, int, int) error {
		time.Sleep(40 * time.Millisecond)
		return errRefused
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.took) != 10 || got.refused != 10 {
		t.Fatalf("%d requests, of which %d were refused, want 10", len(got.took), got.refused)
	}
	if last := got.took[9]; last < 9*30*time.Millisecond {
		t.Errorf("the last one took %s: it did not count that it waited", last)
	}
}

func TestDelayLengthensARoundTrip(t *testing.T) {
	const by = 20 * time.Millisecond
	echo, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer echo.Close()
	go func() {
		if conn, err := echo.Accept(); err == nil {
			_, _ = io.Copy(conn, conn)
			_ = conn.Close()
		}
	}()
	d, err := newDelay(echo.Addr().String(), by)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", d.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for range 3 {
		began := time.Now()
		if _, err := conn.Write([]byte("hello")); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(conn, make([]byte, 5)); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < by {
			t.Errorf("a round trip took %s", took)
		}
	}
	if err := d.close(); err != nil {
		t.Error(err)
	}
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("a closed delay still forwards")
	}
}

func TestJoinsThatWereRefusedAndStoredAreCounted(t *testing.T) {
	engine, err := sqliteEngine(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	db, err := engine.newDatabase(t.Context(), seed{people: 1, chats: 1, accounts: 2, each: 1})
	if err != nil {
		t.Fatal(err)
	}
	j := &joining{refused: []join{
		{chatID(1), username(1)}, {chatID(1), account(1)}, {chatID(db.seed.ownChat(2, 1)), account(2)},
	}}
	got, err := j.storedAllTheSame(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	if got != 2 {
		t.Errorf("%.0f of three were found, where two are members", got)
	}
}
