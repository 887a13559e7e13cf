//go:build unix

package repository

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"parley/chat"
	"parley/e2e/need"
)

// frozenVariable makes the test process the instance that stands still.
const frozenVariable = "PARLEY_TEST_FROZEN_INSTANCE"

// TestMain is also that instance: it opens the database and stops itself inside
// a transaction, behind the head's lock.
func TestMain(m *testing.M) {
	address := os.Getenv(frozenVariable)
	if address == "" {
		os.Exit(m.Run())
	}
	r, err := Open(context.Background(), Options{URL: address})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	tries := 0
	// The signal stops this thread when another has found the time to take it.
	goesOn := make(chan os.Signal, 1)
	signal.Notify(goesOn, syscall.SIGCONT)
	_, err = write(context.Background(), r, "", func(ctx context.Context, tx *transaction) (int64, error) {
		if tries++; tries == 1 {
			fmt.Println("held")
			if err := syscall.Kill(os.Getpid(), syscall.SIGSTOP); err != nil {
				return 0, err
			}
			<-goesOn
		}
		return tx.exec(ctx, `UPDATE users SET display_name = 'thawed' WHERE username = 'ann'`)
	})
	fmt.Println("ended:", err, tries)
	os.Exit(0)
}

func TestAnInstanceThatStandsStillBehindTheHeadsLockHoldsUpNobodyFor3Seconds(t *testing.T) {
	t.Parallel()
	address := need.Postgres(t)
	r := (&store{url: address}).open(t)
	ann := signUp(t, r, "ann")["ann"]
	makeChat(t, r, ann, "room", chat.Private, nil)
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), frozenVariable+"="+address)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = child.Process.Kill()
		_ = child.Wait()
	}()
	lines := bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != "held" {
		t.Fatalf("the other instance says %q, %v", lines.Text(), lines.Err())
	}
	began := time.Now()
	for i := range 3 {
		_, err := r.Post(t.Context(), ann, chat.Post{Chat: "room", Text: fmt.Sprint(i)})
		if err != nil {
			t.Errorf("post %d: %v after %v", i, err, time.Since(began))
		}
	}
	if took := time.Since(began); took > measured {
		t.Errorf("the posts took %v", took)
	}
	// When it goes on, it finds its transaction undone and begins anew, if whoever
	// asked still waits.
	if err := child.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if !lines.Scan() || lines.Text() != "ended: <nil> 2" && !strings.HasPrefix(lines.Text(), "ended: unavailable") {
		t.Errorf("the other instance says %q", lines.Text())
	}
	wantWholeLog(t, r)
}
