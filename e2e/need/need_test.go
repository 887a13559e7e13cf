package need_test

import (
	"database/sql"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley/e2e/need"
)

func TestTwoTestsDatabasesAreNotTheSame(t *testing.T) {
	first, second := open(t, need.Postgres(t)), open(t, need.Postgres(t))
	if _, err := first.Exec("CREATE TABLE mine (n int)"); err != nil {
		t.Fatal(err)
	}
	if _, err := second.Exec("SELECT n FROM mine"); err == nil {
		t.Fatal("a table of one database is seen in the other")
	}
}

func TestCommitsOfTheTestsServerAreDurable(t *testing.T) {
	db := open(t, need.Postgres(t))
	for _, setting := range []string{"fsync", "synchronous_commit", "full_page_writes"} {
		var value string
		if err := db.QueryRow("SELECT current_setting($1)", setting).Scan(&value); err != nil {
			t.Fatal(err)
		}
		if value != "on" {
			t.Errorf("%s is %s", setting, value)
		}
	}
}

func TestADatabaseIsDroppedWithItsTestEvenWhileSomebodyIsConnected(t *testing.T) {
	need.LeaveOutIfShort(t, "PostgreSQL") // this test, and not only the one inside
	var address string
	t.Run("test", func(t *testing.T) {
		address = need.Postgres(t)
		db, err := sql.Open("postgres", address)
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Ping(); err != nil {
			t.Fatal(err)
		}
	})
	if err := ping(t, address); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Fatalf("after its test the database answers %v", err)
	}
}

func TestAFrozenClusterKeepsItsConnectionsAndAnswersNothingUntilItThaws(t *testing.T) {
	cluster := need.NewCluster(t)
	address := cluster.Database(t)
	db := open(t, address)
	if err := db.Ping(); err != nil {
		t.Fatal(err)
	}
	cluster.Freeze(t)
	// No context: the driver asks the server to cancel, and would wait for that.
	answers := make(chan error, 2)
	for _, db := range []*sql.DB{db, open(t, address)} {
		go func() { answers <- db.Ping() }()
	}
	select {
	case err := <-answers:
		t.Errorf("a frozen server answered %v", err)
	case <-time.After(300 * time.Millisecond):
	}
	cluster.Thaw(t)
	for range cap(answers) {
		if err := <-answers; err != nil {
			t.Errorf("after the thaw, what had waited for the frozen server got %v", err)
		}
	}
}

func TestAStoppedClusterComesBackOnItsPortWithItsRows(t *testing.T) {
	cluster := need.NewCluster(t)
	address := cluster.Database(t)
	db := open(t, address)
	if _, err := db.Exec("CREATE TABLE kept (n int)"); err != nil {
		t.Fatal(err)
	}
	for name, end := range map[string]func(testing.TB){"stop": cluster.Stop, "crash": cluster.Crash} {
		end(t)
		if err := ping(t, address); err == nil {
			t.Errorf("after %s it still answers", name)
		}
		cluster.Start(t)
		if _, err := open(t, address).Exec("INSERT INTO kept VALUES (1)"); err != nil {
			t.Errorf("after %s and start: %v", name, err)
		}
	}
}

// TestTheClusterOfAKilledTestProcessGoes runs this test binary once more, lets
// it start a cluster and freeze it, and kills it.
func TestTheClusterOfAKilledTestProcessGoes(t *testing.T) {
	if os.Getenv("NEED_TEST_HANG") != "" {
		cluster := need.NewCluster(t)
		cluster.Freeze(t)
		os.Stdout.WriteString("frozen\n")
		select {}
	}
	need.LeaveOutIfShort(t, "PostgreSQL")
	folder := t.TempDir()
	if err := os.Chmod(filepath.Dir(folder), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	process := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	process.Env = append(os.Environ(), "NEED_TEST_HANG=1", "TMPDIR="+folder)
	out, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	said := make([]byte, 7)
	if _, err := out.Read(said); err != nil || string(said) != "frozen\n" {
		process.Wait()
		t.Fatalf("it said %q, %v", said, err)
	}
	if left := entries(t, folder); left == 0 {
		t.Fatal("its cluster lies elsewhere: this test sees nothing")
	}
	process.Process.Kill()
	process.Wait()
	await(t, "the killed process's cluster to go", func() bool { return entries(t, folder) == 0 })
}

func TestChromiumIsAProgram(t *testing.T) {
	out, err := exec.Command(need.Chromium(t), "--version").Output()
	if err != nil || !strings.Contains(string(out), "Chrom") {
		t.Errorf("it says %q, %v", out, err)
	}
}

func open(t *testing.T, address string) *sql.DB {
	t.Helper()
	db, err := sql.Open("postgres", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// ping asks on a new connection.
func ping(t *testing.T, address string) error {
	t.Helper()
	return open(t, address).Ping()
}

func entries(t *testing.T, folder string) int {
	t.Helper()
	list, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	deadline := time.After(60 * time.Second)
	for !done() {
		select {
		case <-deadline:
			t.Fatalf("waited too long for %s", what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
