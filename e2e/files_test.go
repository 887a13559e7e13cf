package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"parley/chat"
	"parley/e2e/need"
)

// copyFile copies a file onto another, whose inode stays if it is there.
func copyFile(t testing.TB, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}

// runParley runs a command of parley and returns its exit code and what it printed.
func runParley(t testing.TB, stdin string, arguments ...string) (code int, out, errOut string) {
	t.Helper()
	cmd := exec.Command(binary(t), arguments...)
	cmd.Env = cleanEnvironment()
	cmd.Stdin = strings.NewReader(stdin)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	_ = cmd.Run()
	return cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()
}

// wantWholeFile wants the database in a folder to be one complete file.
func wantWholeFile(t testing.TB, data string) {
	t.Helper()
	for _, beside := range []string{"-wal", "-shm"} {
		if _, err := os.Stat(filepath.Join(data, "parley.db"+beside)); err == nil {
			t.Errorf("parley.db%s is left", beside)
		}
	}
}

func TestAnOrderlyEndLeavesOneWholeDatabaseFile(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	password := newPassword()
	if code, _, errOut := runParley(t, password, "--data", data, "user", "add", "ann"); code != 0 {
		t.Fatal(errOut)
	}
	wantWholeFile(t, data)

	p := serve(t, "--data", data)
	ben := newPerson(t, p)
	chatID := ben.makeChat()
	for i := range 50 {
		ben.post(chatID, fmt.Sprintf("ben's text %d", i))
	}
	if code := p.Terminate(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	wantWholeFile(t, data)

	elsewhere := t.TempDir()
	for _, name := range []string{"parley.db", "secret.key"} {
		copyFile(t, filepath.Join(data, name), filepath.Join(elsewhere, name))
	}
	q := serve(t, "--data", elsewhere)
	if shown := wholeHistory(t, ben.at(q), chatID); len(shown) != 50 {
		t.Errorf("the copy has %d messages, want 50", len(shown))
	}
	if code, out, errOut := runParley(t, "", "--data", elsewhere, "user", "list"); code != 0 || !strings.Contains(out, "ann") {
		t.Errorf("%d %s%s", code, out, errOut)
	}
	if code := q.Terminate(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	wantWholeFile(t, elsewhere)
}

// wholeHistory reads the texts of a chat.
func wholeHistory(t testing.TB, who *person, chatID string) (texts []string) {
	t.Helper()
	for m, err := range who.Messages(t.Context(), chatID, 0) {
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, m.Text)
	}
	return texts
}

// restored tells what must hold behind a restore: ten messages that were handed out are
// gone, and a reader that stood behind them is told so, in each framing. One that stood
// before them goes on and misses nothing.
func restored(t *testing.T, p *process, backUp, restore func()) {
	t.Helper()
	ann := newPerson(t, p)
	chatID := ann.makeChat()
	say10 := func(what string) (last chat.Message) {
		for i := range 10 {
			last = ann.post(chatID, fmt.Sprintf("%s, message %d", what, i))
		}
		return last
	}
	end := func() {
		if code := p.Terminate(); code != 0 {
			t.Fatalf("exit code %d", code)
		}
	}
	kept := say10("kept")
	end()
	backUp()
	p.Restart()
	lost := say10("lost")
	if lost.ID != kept.ID+10 {
		t.Errorf("behind %d an ordinary restart went on with positions up to %d", kept.ID, lost.ID)
	}
	end()
	restore()
	p.Restart()
	first := say10("first")
	last := say10("second")
	if last.ID <= lost.ID || last.Seq != kept.Seq+20 {
		t.Errorf("the log goes on up to %d with seq %d; lost is %d", last.ID, last.Seq, lost.ID)
	}
	if first.ID >= 1<<53 {
		t.Errorf("%d is no exact number in JavaScript", first.ID)
	}
	token := ann.at(p).login(p).Token
	for _, path := range []string{"/chats/" + chatID + "/stream", "/stream"} {
		for _, place := range []int64{lost.ID, kept.ID + 1, last.ID + 1} {
			f := mustOpenFeed(t, p.URL+path, token, fmt.Sprint(place))
			b := f.until(t, "reset")
			if want := fmt.Sprintf(`{"reason":"ahead","cursor":%d}`, last.ID); b.Data != want {
				t.Errorf("%s from %d: reset %s, want %s", path, place, b.Data, want)
			}
			page := ask(t, p, "GET", path+"?after="+fmt.Sprint(place), "", bearer(token), header("Accept", "application/json")).is(200)
			if !strings.Contains(string(page.body), `"reset"`) {
				t.Errorf("%s as a page from %d: %s", path, place, page.body)
			}
		}
		for place, want := range map[int64]string{kept.ID: "first, message 0", kept.ID - 1: "kept, message 9"} {
			f := mustOpenFeed(t, p.URL+path, token, fmt.Sprint(place))
			if m := messageOf(t, f.until(t, "")); m.Text != want {
				t.Errorf("%s from %d goes on with %q, want %q", path, place, m.Text, want)
			}
		}
	}
}

func TestARestoredSQLiteFolderResetsLostReaders(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	backup := filepath.Join(t.TempDir(), "backup")
	move := func(from, to string) func() {
		return func() {
			if err := os.RemoveAll(to); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(to, 0o700); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"parley.db", "parley.db.closed", "secret.key"} {
				copyFile(t, filepath.Join(from, name), filepath.Join(to, name))
			}
		}
	}
	restored(t, serve(t, "--data", data), move(data, backup), move(backup, data))
}

func TestASQLiteFileCopiedOverAnotherResetsLostReaders(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	file, backup := filepath.Join(data, "parley.db"), filepath.Join(t.TempDir(), "old.db")
	restored(t, serve(t, "--data", data), func() { copyFile(t, file, backup) }, func() { copyFile(t, backup, file) })
}

func TestADumpThatIsRestoredResetsLostReaders(t *testing.T) {
	t.Parallel()
	for _, where := range []string{"the same database", "another database"} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			cluster := need.NewCluster(t)
			address := cluster.Database(t)
			p := servePostgres(t, address, "--signup", "open")
			var dump string
			restored(t, p, func() { dump = cluster.Dump(t, address) }, func() {
				to := address
				if where == "another database" {
					to = cluster.Database(t)
					p.arguments[slices.Index(p.arguments, address)] = to
				}
				cluster.Restore(t, dump, to)
			})
		})
	}
}

// Behind a kill nothing proves that the database is what the clients know. Positions then
// leave some out, and no reader misses anything.
func TestAReaderFollowsOverTheJumpBehindAKill(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	p := serve(t, "--data", data)
	ann := newPerson(t, p)
	chatID := ann.makeChat()
	shown := make(chan []chat.Message, 1)
	reader := ann.at(p)
	go func() { shown <- follow(t, reader, chatID, "the last one") }()
	first := ann.post(chatID, "before the kill")
	for range 3 {
		p.Kill()
		p.Restart()
		ann.post(chatID, "behind a kill")
	}
	last := ann.post(chatID, "the last one")
	if last.Seq != first.Seq+4 || last.ID <= first.ID+7 {
		t.Errorf("from %d with seq %d to %d with seq %d", first.ID, first.Seq, last.ID, last.Seq)
	}
	if n := len(<-shown); n != 5 {
		t.Errorf("the reader was shown %d messages, want 5", n)
	}
}

// wantNotKept wants a post to be refused, and the server not to be ready.
func wantNotKept(t testing.TB, p *process, token, chatID string) {
	t.Helper()
	for range 3 {
		status, answer, err := send(t, "POST", p.URL+"/messages", token, fmt.Sprintf(`{"chat":%q,"text":%q}`, chatID, newText()))
		if err != nil || status != http.StatusServiceUnavailable {
			t.Errorf("a post: %d %s %v", status, answer, err)
		}
	}
	if status, answer, err := send(t, "GET", p.URL+"/readyz", "", ""); err != nil || status != http.StatusServiceUnavailable {
		t.Errorf("/readyz: %d %s %v", status, answer, err)
	}
}

func TestFilesThatAreTakenAwayAreNoticed(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"parley.db", "parley.db-wal"} {
		for _, replaced := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s replaced=%t", name, replaced), func(t *testing.T) {
				t.Parallel()
				data := t.TempDir()
				p := serve(t, "--data", data)
				ann := newPerson(t, p)
				chatID := ann.makeChat()
				ann.post(chatID, "before it")
				token := ann.login(p).Token
				file := filepath.Join(data, name)
				if err := os.Rename(file, file+".away"); err != nil {
					t.Fatal(err)
				}
				if replaced {
					copyFile(t, file+".away", file)
				}
				wantNotKept(t, p, token, chatID)
				waitFor(t, func() bool { return strings.Contains(p.Stderr(), "nothing is stored") })
				if n := strings.Count(p.Stderr(), "nothing is stored"); n != 1 {
					t.Errorf("it was told %d times", n)
				}
				if err := os.Rename(file+".away", file); err != nil {
					t.Fatal(err)
				}
				said := ann.post(chatID, "they are back")
				if texts := wholeHistory(t, ann, chatID); texts[len(texts)-1] != said.Text {
					t.Errorf("the history ends with %q", texts)
				}
				call(t, "GET", p.URL+"/readyz", "", "", 200, nil)
			})
		}
	}
}

func TestADamagedFileIsRefusedAtTheStart(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	p := serve(t, "--data", data)
	ann := newPerson(t, p)
	chatID := ann.makeChat()
	ann.post(chatID, "the very first")
	if code := p.Terminate(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	whole, err := os.ReadFile(filepath.Join(data, "parley.db"))
	if err != nil {
		t.Fatal(err)
	}
	p.Restart()
	for i := range 50 {
		ann.post(chatID, fmt.Sprintf("%d %s", i, strings.Repeat("long ", 800)))
	}
	p.Kill()
	wal, err := os.ReadFile(filepath.Join(data, "parley.db-wal"))
	if err != nil || len(wal) == 0 {
		t.Fatal("nothing is left of the killed server's log")
	}
	garbage := bytes.Repeat([]byte("garbage "), 4096)
	for what, files := range map[string][2][]byte{
		"no database":      {garbage, nil},
		"cut off":          {whole[:9000], nil},
		"damaged pages":    {slices.Concat(whole[:4096], garbage[:8192], whole[3*4096:]), nil},
		"a log of another": {emptyDatabase(t), wal},
	} {
		t.Run(what, func(t *testing.T) {
			folder := t.TempDir()
			for i, name := range []string{"parley.db", "parley.db-wal"} {
				if files[i] == nil {
					continue
				}
				if err := os.WriteFile(filepath.Join(folder, name), files[i], 0o600); err != nil {
					t.Fatal(err)
				}
			}
			code, out, errOut := runParley(t, "", "--data", folder, "--listen", "127.0.0.1:0")
			if code != 1 || out != "" || strings.Count(errOut, "\n") != 1 || !strings.HasPrefix(errOut, "parley: --data: the database cannot be opened: ") {
				t.Errorf("%d %s%s", code, out, errOut)
			}
			t.Log(errOut)
		})
	}
}

// emptyDatabase is the file of a database with another user in it.
func emptyDatabase(t testing.TB) []byte {
	t.Helper()
	data := t.TempDir()
	if code, _, errOut := runParley(t, newPassword(), "--data", data, "user", "add", "someone"); code != 0 {
		t.Fatal(errOut)
	}
	file, err := os.ReadFile(filepath.Join(data, "parley.db"))
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// Pages that are damaged while the server runs are met by whatever reads them.
func TestADatabaseThatIsDamagedWhileItServesIsNoticed(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	p := serve(t, "--data", data)
	ann := newPerson(t, p)
	chatID := ann.makeChat()
	for i := range 20 {
		ann.post(chatID, fmt.Sprintf("%d %s", i, strings.Repeat("long ", 800)))
	}
	if code := p.Terminate(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	p.Restart()
	token := ann.at(p).login(p).Token
	file, err := os.OpenFile(filepath.Join(data, "parley.db"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteAt(bytes.Repeat([]byte("garbage "), int(info.Size()-8192)/8), 8192); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool {
		status, answer, err := send(t, "GET", p.URL+"/chats/"+chatID+"/messages?limit=50", token, "")
		if err != nil || status == http.StatusInternalServerError {
			t.Fatalf("the history: %d %s %v", status, answer, err)
		}
		return status == http.StatusServiceUnavailable
	})
	wantNotKept(t, p, token, chatID)
	waitFor(t, func() bool { return strings.Contains(p.Stderr(), "nothing is stored until a restart") })
	if n := strings.Count(p.Stderr(), "nothing is stored until a restart"); n != 1 {
		t.Errorf("it was told %d times", n)
	}
}
