package need

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"parley/e2e/need/machine"
)

// Cluster is a PostgreSQL server of the tests' own: a new cluster in a folder
// of its own, reachable on 127.0.0.1 alone and with a password that is made up.
// Its commits are durable, because that is what is tested.
//
// When the test process ends, in whatever way, a guard stops the server and
// removes the folder.
type Cluster struct {
	bin    string
	dir    string
	port   int
	user   *syscall.SysProcAttr // whom the server's processes run as
	server string               // address of the database "postgres"
	// primary is the cluster that a standby was made of; nil for others.
	primary *Cluster

	guard       *exec.Cmd
	guardsStdin io.Closer // closing it, or dying, is what the guard waits for
}

// NewCluster gives the test a cluster of its own, which it may stop, start and
// freeze. It is always made of programs of this machine, also where
// PARLEY_TEST_POSTGRES names a server. It is gone when the test has ended.
func NewCluster(t testing.TB) *Cluster {
	t.Helper()
	LeaveOutIfShort(t, "PostgreSQL")
	c := startCluster(t)
	t.Cleanup(func() {
		if err := c.remove(); err != nil {
			t.Errorf("removing the test's cluster: %v", err)
		}
	})
	return c
}

// Database returns the address of an empty database of the cluster; it goes
// with the cluster.
func (c *Cluster) Database(t testing.TB) string {
	t.Helper()
	address, _, err := newDatabase(c.server)
	if err != nil {
		t.Fatalf("making a database: %v", err)
	}
	return address
}

// Stop ends the server in good order: those who are connected are cut off,
// nothing new is let in. It returns when the server is gone.
func (c *Cluster) Stop(t testing.TB) {
	t.Helper()
	c.must(t, c.control("stop", "-m", "fast"))
}

// Crash ends the server as a power cut would, without a last checkpoint. It
// returns when the server is gone.
func (c *Cluster) Crash(t testing.TB) {
	t.Helper()
	c.must(t, c.control("stop", "-m", "immediate"))
}

// Start starts the server again after Stop or Crash, on the port it had, and
// returns when it takes connections.
func (c *Cluster) Start(t testing.TB) {
	t.Helper()
	c.must(t, c.start())
}

// Freeze stops every process of the server where it stands (SIGSTOP), as a
// machine that hangs does: connections stay open and nothing answers.
func (c *Cluster) Freeze(t testing.TB) {
	t.Helper()
	c.must(t, c.freeze())
}

// Thaw lets a frozen server go on.
func (c *Cluster) Thaw(t testing.TB) {
	t.Helper()
	c.must(t, c.thaw())
}

// Dump writes a dump of the database at an address, as pg_dump makes it for pg_restore.
func (c *Cluster) Dump(t testing.TB, address string) (file string) {
	t.Helper()
	file = filepath.Join(c.dir, "dump-"+rand.Text())
	c.must(t, c.client("pg_dump", "--format=custom", "--file", file, "--dbname", address))
	return file
}

// Restore puts a dump in the place of what the database at an address holds.
func (c *Cluster) Restore(t testing.TB, file, address string) {
	t.Helper()
	c.must(t, c.client("pg_restore", "--clean", "--if-exists", "--exit-on-error", "--dbname", address, file))
}

// client runs a program that lies beside the server's, wherever links to it lead.
func (c *Cluster) client(program string, arguments ...string) error {
	postgres, err := filepath.EvalSymlinks(filepath.Join(c.bin, "postgres"))
	if err != nil {
		return err
	}
	cmd := c.command(filepath.Join(filepath.Dir(postgres), program), arguments...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", program, err, out)
	}
	return nil
}

func (c *Cluster) must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func startCluster(t testing.TB) *Cluster {
	t.Helper()
	bin, ok := machine.Postgres()
	if !ok {
		missing(t, fmt.Sprintf("PostgreSQL %d or newer", machine.OldestPostgres))
	}
	c, err := newCluster(bin)
	if err != nil {
		t.Fatalf("starting a PostgreSQL of the tests' own from %s: %v", bin, err)
	}
	return c
}

func newCluster(bin string) (*Cluster, error) {
	password := rand.Text()
	return makeCluster(bin, url.UserPassword("parley", password), func(c *Cluster) error { return c.initialise(password) })
}

// makeCluster starts the cluster whose files initialise makes.
func makeCluster(bin string, user *url.Userinfo, initialise func(c *Cluster) error) (c *Cluster, err error) {
	dir, err := os.MkdirTemp("", "parley-postgres-")
	if err != nil {
		return nil, err
	}
	c = &Cluster{bin: bin, dir: dir}
	if c.user, err = unprivileged(dir); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := c.startGuard(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.remove())
		}
	}()
	if err := initialise(c); err != nil {
		return nil, err
	}
	if err := c.startOnFreePort(); err != nil {
		return nil, err
	}
	c.server = (&url.URL{
		Scheme: "postgres", User: user,
		Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(c.port)), Path: "/postgres",
		RawQuery: "sslmode=disable",
	}).String()
	return c, nil
}

// settings are what the tests' server is told besides its port. No socket in
// the file system: nobody but the holder of the password gets in.
const settings = `
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 200
fsync = on
synchronous_commit = on
full_page_writes = on
`

// initialise makes the cluster's files.
func (c *Cluster) initialise(password string) error {
	passwordFile := filepath.Join(c.dir, "password")
	if err := os.WriteFile(passwordFile, []byte(password), 0o600); err != nil {
		return err
	}
	if err := chown(passwordFile, c.user); err != nil {
		return err
	}
	// What initdb writes need not survive a power cut: with --no-sync it takes
	// one second instead of several.
	if err := c.run("initdb", "-D", c.data(), "-U", "parley", "--pwfile", passwordFile,
		"--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-sync"); err != nil {
		return err
	}
	file, err := os.OpenFile(filepath.Join(c.data(), "postgresql.conf"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteString(settings)
	return errors.Join(err, file.Close())
}

// startOnFreePort tries ports until one is free. Other test processes look for
// theirs at the same time, so only the attempt tells.
func (c *Cluster) startOnFreePort() (err error) {
	for range 10 {
		c.port = freePort()
		if err = c.start(); err == nil {
			return nil
		}
	}
	return err
}

func (c *Cluster) start() error {
	return c.control("start", "-l", filepath.Join(c.dir, "log"), "-o", "-p "+strconv.Itoa(c.port))
}

// control runs pg_ctl and waits for what it does. The server is no child of
// this process: nobody has to wait for it.
func (c *Cluster) control(arguments ...string) error {
	err := c.run("pg_ctl", append([]string{"-D", c.data(), "-w", "-t", "60"}, arguments...)...)
	if err != nil {
		log, _ := os.ReadFile(filepath.Join(c.dir, "log")) // only there once it has been started
		return fmt.Errorf("%w\n%s", err, log)
	}
	return nil
}

func (c *Cluster) run(program string, arguments ...string) error {
	cmd := c.command(filepath.Join(c.bin, program), arguments...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", program, err, out)
	}
	return nil
}

// command is a process of the cluster's user, in its folder and without the
// caller's PG variables, which would point its programs elsewhere.
func (c *Cluster) command(path string, arguments ...string) *exec.Cmd {
	cmd := exec.Command(path, arguments...)
	cmd.Dir = c.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + c.dir, "LC_ALL=C"}
	cmd.SysProcAttr = c.user
	return cmd
}

func (c *Cluster) data() string { return filepath.Join(c.dir, "data") }

// pid returns the process id of the server, the parent of all its others.
func (c *Cluster) pid() (int, error) {
	content, err := os.ReadFile(filepath.Join(c.data(), "postmaster.pid"))
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(string(content), "\n")
	return strconv.Atoi(strings.TrimSpace(first))
}

// Port returns a TCP port of 127.0.0.1 on which nobody listens, for a server
// that shall come back on the port it had. It is none of those that the system
// hands out by itself, so that no client's connection takes it in between.
func Port(t testing.TB) int {
	t.Helper()
	return freePort()
}

func freePort() int {
	for {
		// Below 32768, where Linux begins to hand out ports by itself; macOS
		// and Windows begin later.
		port := 20000 + mathrand.IntN(12000)
		listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			continue
		}
		listener.Close()
		return port
	}
}
