package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"testing"

	"parley/chat"
	"parley/e2e/need"
)

// previousRelease is the state of the sources that counts as one release back: its
// instances serve beside today's on one database, and its files are opened by today's.
// It moves on when a release is made.
const previousRelease = "68d2076"

// errNoHistory says that the sources are here without the history: an archive, or a
// clone without depth.
var errNoHistory = errors.New("the history does not reach back to the previous release")

// buildPrevious builds the program of the previous release from the history.
func buildPrevious() (string, error) {
	if exec.Command("git", "-C", "..", "cat-file", "-e", previousRelease+"^{commit}").Run() != nil {
		return "", errNoHistory
	}
	sources := filepath.Join(suite.folder, "previous")
	if err := os.Mkdir(sources, 0o700); err != nil {
		return "", err
	}
	var archive bytes.Buffer
	archiving := exec.Command("git", "-C", "..", "archive", previousRelease)
	archiving.Stdout = &archive
	if err := archiving.Run(); err != nil {
		return "", fmt.Errorf("taking the sources of %s from the history: %w", previousRelease, err)
	}
	unpacking := exec.Command("tar", "-x", "-C", sources)
	unpacking.Stdin = &archive
	if out, err := unpacking.CombinedOutput(); err != nil {
		return "", fmt.Errorf("unpacking the previous release: %w\n%s", err, out)
	}
	path := filepath.Join(suite.folder, "parley-previous")
	building := exec.Command("go", "build", "-buildvcs=false", "-o", path, ".")
	building.Dir = sources
	if out, err := building.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the previous release: %w\n%s", err, out)
	}
	return path, nil
}

// servePrevious is serve for the previous release.
func servePrevious(t *testing.T, arguments ...string) *process {
	t.Helper()
	path, err := suite.previous()
	switch {
	case errors.Is(err, errNoHistory):
		t.Skip(err, "(git fetch --unshallow brings it)")
	case err != nil:
		t.Fatal(err)
	}
	p := prepared(t, arguments...)
	p.program = path
	p.start()
	transport.leaveOut(p.URL)
	return p
}

// While instances are replaced one after another, two releases write one log.
func TestTwoReleasesServeOneDatabase(t *testing.T) {
	t.Parallel()
	arguments := append(onPostgres(need.Postgres(t)), "--signup", "open")
	old := servePrevious(t, arguments...)
	ann, bob := newPerson(t, old), newPerson(t, old)
	chatID := ann.makeChat(bob)
	first := ann.post(chatID, "before the upgrade")
	today := serve(t, arguments...)
	annToday, bobToday := ann.at(today), bob.at(today)

	const each = 20
	for i := range each {
		ann.post(chatID, fmt.Sprintf("old %d", i))
		annToday.post(chatID, fmt.Sprintf("today %d", i))
	}
	for _, p := range []*process{old, today} {
		f := mustOpenFeed(t, p.URL+"/chats/"+chatID+"/stream", bob.login(p).Token, fmt.Sprint(first.ID))
		for i := range 2 * each {
			want := fmt.Sprintf([]string{"old %d", "today %d"}[i%2], i/2)
			if m := messageOf(t, f.until(t, "")); m.Text != want || m.Seq != first.Seq+int64(i)+1 {
				t.Fatalf("the stream of %s shows %q with seq %d, want %q", p.URL, m.Text, m.Seq, want)
			}
		}
		f.close()
	}
	for _, reader := range []struct {
		who    *person
		unread int64
	}{{bob, 2*each + 1}, {bobToday, 2*each + 1}, {ann, 0}, {annToday, 0}} {
		ch, err := reader.who.Chat(t.Context(), chatID)
		if err != nil || ch.Unread == nil || *ch.Unread != reader.unread {
			t.Errorf("%s has %v unread, %v; want %d", reader.who.name, ch.Unread, err, reader.unread)
		}
	}
	rightsEndOnBoth(t, chatID, ann, bob, old, today)
	if code := old.Terminate(); code != 0 {
		t.Errorf("the previous release ended with %d", code)
	}
	annToday.post(chatID, "after the upgrade")
}

// The previous release serves on while today's brings the schema up to date, and beside it;
// if today's is taken back, it goes on alone.
func TestAnUpgradeUnderLoadLosesNothing(t *testing.T) {
	t.Parallel()
	arguments := append(onPostgres(need.Postgres(t)), "--signup", "open", "--limits", "off")
	old := servePrevious(t, arguments...)
	tr := newTraffic(t, newPerson(t, old))
	tr.posters(old.URL)
	tr.read(old.URL, 1)
	tr.more(20)
	today := serve(t, arguments...)
	tr.posters(today.URL)
	tr.read(today.URL, 1)
	tr.more(100)
	tr.finish()
	for _, r := range tr.readers {
		if r.opened != 1 {
			t.Errorf("%s opened %d streams", r.name, r.opened)
		}
	}
	if code := today.Terminate(); code != 0 {
		t.Errorf("today's release ended with %d", code)
	}
	tr.owner.post(tr.chatID, "after it was taken back")
}

// rightsEndOnBoth ends rights on the one and looks for the end on the other.
func rightsEndOnBoth(t *testing.T, chatID string, ann, bob *person, old, today *process) {
	t.Helper()
	login := bob.login(old)
	following := mustOpenFeed(t, today.URL+"/chats/"+chatID+"/stream", refreshedAt(t, today, login).Token, "")
	following.until(t, "ready")
	call(t, "POST", old.URL+"/logout", login.Token, "", 204, nil)
	following.until(t, "bye")

	following = mustOpenFeed(t, old.URL+"/chats/"+chatID+"/stream", bob.login(old).Token, "")
	following.until(t, "ready")
	if err := ann.at(today).RemoveMember(t.Context(), chatID, bob.name); err != nil {
		t.Fatal(err)
	}
	following.until(t, "bye")
	if _, err := bob.Post(t.Context(), chat.Post{Chat: chatID, Text: "too late"}); err == nil {
		t.Error("the previous release lets somebody post whom today's has removed")
	}
}

// refreshedAt goes on with a session at an instance that refuses the access tokens of the
// release that began it: refresh tokens are the same in both.
func refreshedAt(t *testing.T, p *process, login chat.Login) (refreshed chat.Login) {
	t.Helper()
	call(t, "GET", p.URL+"/me", login.Token, "", 401, nil)
	call(t, "POST", p.URL+"/refresh", "", fmt.Sprintf(`{"refresh_token":%q}`, login.RefreshToken), 200, &refreshed)
	return refreshed
}

// A folder that the previous release has served is served on.
func TestTheFilesOfThePreviousReleaseAreServed(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	old := servePrevious(t, "--data", data, "--signup", "open")
	ann := newPerson(t, old)
	chatID := ann.makeChat()
	before := ann.post(chatID, "before the upgrade")
	login := ann.login(old)
	if code := old.Terminate(); code != 0 {
		t.Fatalf("the previous release ended with %d", code)
	}
	today := serve(t, "--data", data, "--signup", "open")
	token := refreshedAt(t, today, login).Token
	following := mustOpenFeed(t, today.URL+"/chats/"+chatID+"/stream", token, fmt.Sprint(before.ID-1))
	if m := messageOf(t, following.until(t, "")); !reflect.DeepEqual(m, before) {
		t.Errorf("the first message is now %+v, and was %+v", m, before)
	}
	after := ann.at(today).post(chatID, "after the upgrade")
	if m := messageOf(t, following.until(t, "")); !reflect.DeepEqual(m, after) {
		t.Errorf("the stream goes on with %+v, want %+v", m, after)
	}
}
