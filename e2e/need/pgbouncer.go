package need

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"parley/e2e/need/machine"
)

// PgBouncer puts a PgBouncer before the database at an address, with the pool mode "session" or
// "transaction", and returns its address. It ends with the test.
func PgBouncer(t testing.TB, address, mode string) string {
	t.Helper()
	path := program(t, "PgBouncer", machine.PgBouncer)
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	folder := t.TempDir()
	account, err := unprivileged(folder) // it refuses root, as PostgreSQL does
	if err != nil {
		t.Fatal(err)
	}
	// The way to it too: a folder of a test's is its user's alone.
	if err := os.Chmod(filepath.Dir(folder), 0o755); err != nil {
		t.Fatal(err)
	}
	port := freePort()
	files := map[string]string{
		"users": fmt.Sprintf("%q %q\n", u.User.Username(), password),
		// extra_float_digits is what the driver asks of every server.
		"ini": fmt.Sprintf("[databases]\n* = host=%s port=%s\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %d\nunix_socket_dir =\n"+
			"auth_type = scram-sha-256\nauth_file = %s\npool_mode = %s\nignore_startup_parameters = extra_float_digits\n",
			u.Hostname(), u.Port(), port, filepath.Join(folder, "users"), mode),
	}
	for name, text := range files {
		file := filepath.Join(folder, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := chown(file, account); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(path, filepath.Join(folder, "ini"))
	cmd.Dir, cmd.SysProcAttr = folder, account
	log, err := os.Create(filepath.Join(folder, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			said, _ := os.ReadFile(log.Name())
			t.Logf("PgBouncer said:\n%s", said)
		}
	})
	u.Host = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		conn, err := net.Dial("tcp", u.Host)
		if err == nil {
			conn.Close()
			return u.String()
		}
		if time.Now().After(deadline) {
			t.Fatalf("PgBouncer does not listen: %v", err)
		}
	}
}
