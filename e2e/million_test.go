//go:build unix

package e2e

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/chat"
	"parley/e2e/need"
	"parley/e2e/sse"
)

// A hundred clients ask at once for a chat of a million messages from its
// beginning. Each is given it in order and without a hole; half of them go
// somewhere in the middle, the other half stop reading and stay. Those who talk in
// another chat meanwhile do not notice, and in the end nothing is left of it: no
// stream, no goroutine, no descriptor, and memory was never more than the readers'
// places in the log.
func TestAHundredWhoAskForAMillionMessagesHurtNobody(t *testing.T) {
	t.Parallel()
	const (
		messages = 1_000_000
		crowd    = 100
		// stopping is how many of them stop reading for good.
		stopping = crowd / 2
		// each is how many messages each of them reads.
		each = 5000
	)
	address := need.Postgres(t)
	p := servePostgres(t, address, "--signup", "open")
	ann, bob := newPerson(t, p), newPerson(t, p)
	long, short := ann.makeChat(bob), ann.makeChat(bob)
	anns, bobs := ann.login(p).Token, bob.login(p).Token
	if code := p.Terminate(); code != 0 {
		t.Fatalf("it ended with %d", code)
	}
	first := sowMessages(t, address, long, ann.name, messages)
	p.Restart()

	live, err := openFeed(withDeadline(t), p.URL+"/chats/"+short+"/stream", bobs, "")
	if err != nil {
		t.Fatal(err)
	}
	defer live.close()
	live.until(t, "ready")
	posts := 0
	meanwhile := func() {
		t.Helper()
		began := time.Now()
		var posted chat.Message
		call(t, "POST", p.URL+"/messages", anns, fmt.Sprintf(`{"chat":%q,"text":"meanwhile %d"}`, short, posts), http.StatusCreated, &posted)
		if got := messageOf(t, live.until(t, "")); !reflect.DeepEqual(got, posted) {
			t.Fatalf("%+v was seen instead of %+v", got, posted)
		}
		if took := time.Since(began); took > patience {
			t.Fatalf("a post came to its reader after %v", took)
		}
		posts++
	}
	meanwhile()
	goroutines, descriptors := metric(t, p, "go_goroutines"), metric(t, p, "process_open_fds")

	readers := make([]*net.TCPConn, crowd)
	for i := range readers {
		readers[i] = dialSmall(t, p)
		defer readers[i].Close()
	}
	reading, done := new(sync.WaitGroup), make(chan struct{})
	for i, conn := range readers {
		reading.Go(func() {
			if err := readFromTheFirst(conn, long, anns, first, each); err != nil {
				t.Errorf("reader %d: %v", i, err)
			}
			if i >= stopping {
				conn.Close()
			}
		})
	}
	go func() { reading.Wait(); close(done) }()
	for running := true; running; {
		meanwhile()
		select {
		case <-done:
			running = false
		default:
		}
	}
	if t.Failed() {
		return // who has not stopped where he should is not slow
	}
	duringReads := posts

	waitFor(t, func() bool {
		meanwhile()
		return metric(t, p, `parley_streams_ended_total{reason="slow"}`) == stopping
	})
	waitFor(t, func() bool {
		// It keeps the connections to its database that it has opened meanwhile, and a
		// poller for every second processor. Of each reader's there were more.
		const kept = 40
		return metric(t, p, "parley_streams_open") == 1 &&
			metric(t, p, "go_goroutines") <= goroutines+kept && metric(t, p, "process_open_fds") <= descriptors+kept
	})
	if gone := metric(t, p, `parley_streams_ended_total{reason="gone"}`); gone != crowd-stopping {
		t.Errorf("%v streams ended because their client went", gone)
	}
	// What one of them had read was there for the others.
	pages := metric(t, p, "parley_reader_log_reads_total")
	if alone := float64(crowd * each / 256); pages > alone/4 {
		t.Errorf("the log was read %v times; if each had read for himself it were %v at least", pages, alone)
	}
	peak := peakMemory(t, p)
	const most = 600 << 20
	if peak > most {
		t.Errorf("it took %d MiB", peak>>20)
	}
	t.Logf("%d posts while the crowd read, %d while it stood; %v pages read from the log; %d MiB at the peak",
		duringReads, posts-duringReads, pages, peak>>20)

	// The log goes on behind what was sown.
	if next := ann.post(long, "one more"); next.Seq != first.seq+messages {
		t.Errorf("the next message has seq %d, should be %d", next.Seq, first.seq+messages)
	}
}

// place is where an event stands: in the log, and in its chat.
type place struct{ id, seq int64 }

// sowMessages writes messages of one author to a chat behind the log's head, as the
// program would have: their texts count them from 0. It returns the place of the
// first. Nobody may be serving.
func sowMessages(t *testing.T, address, chatID, author string, messages int) (first place) {
	t.Helper()
	db, err := sql.Open("postgres", address)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	row := tx.QueryRow(`SELECT h.pos + 1, c.seq + 1 FROM head h, chats c WHERE c.id = $1`, chatID)
	if err := row.Scan(&first.id, &first.seq); err != nil {
		t.Fatal(err)
	}
	now := time.Now().UnixMilli()
	for _, statement := range []struct {
		text      string
		arguments []any
	}{
		{`INSERT INTO messages (id, chat, seq, author, text, created_at)
			SELECT $1::bigint + n, $2, $3::bigint + n, $4, 'sown ' || n, $5 FROM generate_series(0, $6::bigint - 1) n`,
			[]any{first.id, chatID, first.seq, author, now, messages}},
		{`INSERT INTO events (pos, kind, chat, seq, at, message)
			SELECT id, 'message', chat, seq, created_at, id FROM messages WHERE id >= $1 ORDER BY id`,
			[]any{first.id}},
		{`UPDATE chats SET seq = seq + $2, messages = messages + $2, head = $3, last_message = $3 WHERE id = $1`,
			[]any{chatID, messages, first.id + int64(messages) - 1}},
		{`UPDATE memberships SET seen = seen + $3 WHERE chat = $1 AND username = $2`,
			[]any{chatID, author, messages}},
		{`UPDATE head SET pos = pos + $1`, []any{messages}},
		{`UPDATE counted SET pos = (SELECT pos FROM head)`, nil},
	} {
		if _, err := tx.Exec(statement.text, statement.arguments...); err != nil {
			t.Fatalf("%s: %v", statement.text, err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	return first
}

// withDeadline is a context that outlasts a long test and no hanging one.
func withDeadline(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 4*patience)
	t.Cleanup(cancel)
	return ctx
}

// dialSmall connects to the server with a socket that holds little, so that who
// stops reading is felt soon.
func dialSmall(t *testing.T, p *process) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	tcp := conn.(*net.TCPConn)
	tcp.SetReadBuffer(64 << 10)
	tcp.SetDeadline(time.Now().Add(2 * patience))
	return tcp
}

// readFromTheFirst asks for a chat from its beginning and reads so many messages.
// The chat's events must come with each seq, and the sown messages with each
// position and text, from the first on.
func readFromTheFirst(conn *net.TCPConn, chatID, token string, first place, messages int64) error {
	_, err := io.WriteString(conn, "GET /chats/"+chatID+"/stream?after=earliest HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+token+"\r\n\r\n")
	if err != nil {
		return err
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("it is answered %s", response.Status)
	}
	blocks := sse.NewReader(response.Body)
	for seq := int64(1); seq < first.seq+messages; {
		b, err := blocks.Next()
		if err != nil {
			return fmt.Errorf("before seq %d: %w", seq, err)
		}
		if !b.HasData || !b.HasID {
			continue
		}
		if !strings.Contains(b.Data, fmt.Sprintf(`"seq":%d,`, seq)) {
			return fmt.Errorf("at seq %d comes %s", seq, b.Data)
		}
		if n := seq - first.seq; n >= 0 {
			if want := strconv.FormatInt(first.id+n, 10); b.Name != "" || b.ID != want || b.Text() != fmt.Sprint("sown ", n) {
				return fmt.Errorf("message %d, at %s, comes as %q at %s: %s", n, want, b.Name, b.ID, b.Data)
			}
		}
		seq++
	}
	return nil
}

// peakMemory is the most memory that the process has had, in bytes; 0 where the
// system does not tell.
func peakMemory(t *testing.T, p *process) int64 {
	t.Helper()
	if runtime.GOOS != "linux" {
		return 0
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, line, _ := strings.Cut(string(status), "\nVmHWM:")
	line, _, _ = strings.Cut(line, " kB\n")
	kilobytes, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kilobytes << 10
}
