package e2e

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestStories tells the binary the stories in testdata/script, one a file. They
// have these commands besides testscript's own:
//
//	parley ARGUMENT…     runs it to its end; "! parley" wants exit code 1
//	usage ARGUMENT…      runs it, and wants exit code 2 and one line
//	behind NAME ARG…     runs it beside the script; what it prints is in NAME.out and NAME.err
//	over NAME CODE       waits for the end of such a one with that exit code
//	halt NAME SIGNAL C   sends it SIGTERM or SIGINT, and waits for its end with exit code C
//	serve ARGUMENT…      starts a server on a free port unless one is named; what it
//	                     prints is in server.out and server.err, where it listens is
//	                     in $URL and $ADDR
//	terminate            sends SIGTERM and wants exit code 0 within 15 s
//	signal NAME          sends SIGTERM or SIGINT
//	ended CODE           waits for the server's end with that exit code
//	curl ARGUMENT…       does what curl would, see curl_test.go
//	paste N [FILE]       runs the Nth line to paste in server.out, as each shell of this
//	                     machine takes it apart; with FILE in the background, and what
//	                     it answers is in the file
//	await FILE REGEXP    waits until the file holds it
//	remember NAME REGEXP sets $NAME to the last group found in the last command's stdout,
//	                     or in the file that is named behind
//	oneline MISTAKES     wants that many lines on the last command's stderr
//	mode BITS FILE       wants these permissions
//	take NAME FILE       sets $NAME to the one line that the file holds
//	postgres             makes an empty database, its address in $DATABASE
//
// [ipv6] says that this machine has the address ::1.
//
// Files that are named password… are searched for in what is printed.
func TestStories(t *testing.T) {
	t.Parallel()
	path := binary(t)
	testscript.Run(t, testscript.Params{
		Dir:                filepath.Join("testdata", "script"),
		RequireUniqueNames: true,
		Deadline:           time.Now().Add(18 * time.Minute), // a command that should have ended, and serves
		Setup: func(env *testscript.Env) error {
			env.Values[storyKey{}] = &story{t: env.T().(testing.TB), binary: path}
			env.Setenv("SECRET", sharedSecret)
			env.Setenv("GORACE", os.Getenv("GORACE"))
			if streams, forced := os.LookupEnv("PARLEY_STREAMS"); forced {
				env.Setenv("PARLEY_STREAMS", streams)
			}
			return rememberPasswords(env.WorkDir)
		},
		Condition: func(name string) (bool, error) {
			if name != "ipv6" {
				return false, fmt.Errorf("an unknown condition: %s", name)
			}
			listener, err := net.Listen("tcp", "[::1]:0")
			if err != nil {
				return false, nil
			}
			return true, listener.Close()
		},
		Cmds: storyCommands,
	})
}

// storyCommands are the commands that the stories have besides testscript's own.
var storyCommands = map[string]func(*testscript.TestScript, bool, []string){
	"parley":    do((*story).parley),
	"usage":     do((*story).usage),
	"behind":    do((*story).behind),
	"over":      do((*story).over),
	"halt":      do((*story).halt),
	"serve":     do((*story).serve),
	"terminate": do((*story).terminate),
	"signal":    do((*story).signal),
	"ended":     do((*story).ended),
	"curl":      do((*story).curl),
	"paste":     do((*story).paste),
	"await":     do((*story).await),
	"remember":  do((*story).remember),
	"oneline":   do((*story).lines),
	"mode":      do((*story).mode),
	"take":      do((*story).take),
	"postgres":  do((*story).postgres),
}

// testscript takes a command of its own for one of the same name here, and its "stop" ends a
// story as passed.
func TestNoCommandOfTheStoriesIsHidden(t *testing.T) {
	t.Parallel()
	for name := range storyCommands {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), name+".txt")
			if err := os.WriteFile(file, []byte(name+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			ran := false
			t.Cleanup(func() {
				if !ran {
					t.Errorf("testscript has a command %s of its own", name)
				}
			})
			testscript.Run(t, testscript.Params{Files: []string{file}, Cmds: map[string]func(*testscript.TestScript, bool, []string){
				name: func(*testscript.TestScript, bool, []string) { ran = true },
			}})
		})
	}
}

// story is the state of one script.
type story struct {
	t      testing.TB
	binary string
	server *process
	// beside are commands that run beside the script.
	beside map[string]*process
}

type storyKey struct{}

func do(command func(*story, *testscript.TestScript, bool, []string)) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		command(ts.Value(storyKey{}).(*story), ts, neg, args)
	}
}

func rememberPasswords(folder string) error {
	files, err := filepath.Glob(filepath.Join(folder, "password*"))
	if err != nil {
		return err
	}
	for _, file := range files {
		password, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		secrets.add("a password", strings.TrimSpace(string(password)))
	}
	return nil
}
