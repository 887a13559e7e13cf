package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestASecretThatWasPrintedIsFound shows that the search at the end can fail.
func TestASecretThatWasPrintedIsFound(t *testing.T) {
	const text = "so long, and thanks"
	for name, printed := range map[string]string{
		"1.err": `level=INFO msg="so long, and thanks"`,
		"2.err": `level=INFO query="text=so+long%2C+and+thanks"`,
		"3.err": "so long, and thanks",
		"4.out": "a line\nso long, and thanks\n",
		"5.err": "curl 127.0.0.1:8080/chats/lobby/messages -d so long, and thanks",
	} {
		var r recorder
		r.add("a text", text)
		if found := r.leaks(folderWith(t, name, printed)); len(found) != 1 {
			t.Errorf("%s, %q: found %q", name, printed, found)
		}
	}
}

func TestWhatIsNoSecretIsNotFound(t *testing.T) {
	var r recorder
	r.add("a text", "so long, and thanks")
	r.add("a password", "correct-horse")
	for name, printed := range map[string]string{
		"1.err": "level=INFO msg=so long",
		"2.out": "curl 127.0.0.1:8080/users -d username=ann -d password=correct-horse\n",
		"3.err": "abc",
	} {
		if found := r.leaks(folderWith(t, name, printed)); len(found) != 0 {
			t.Errorf("%s, %q: found %q", name, printed, found)
		}
	}
}

func TestATextTooShortToBeSearchedForIsRefused(t *testing.T) {
	var r recorder
	r.add("a text", "hi")
	if found := r.leaks(t.TempDir()); len(found) != 1 || !strings.Contains(found[0], "too short") {
		t.Errorf("found %q", found)
	}
}

func TestADataRaceThatWasPrintedIsFound(t *testing.T) {
	for printed, want := range map[string]int{
		"level=INFO msg=before\n==================\nWARNING: DATA RACE\nWrite at 0x00c0:\n==================\nlevel=INFO msg=behind\n": 1,
		"level=INFO msg=\"a data race in the chat\"\n": 0,
	} {
		if found := races(folderWith(t, "1.err", printed)); len(found) != want || want > 0 && !strings.HasSuffix(found[0], "Write at 0x00c0:\n") {
			t.Errorf("in %q was found %q", printed, found)
		}
	}
}

func folderWith(t *testing.T, name, printed string) string {
	t.Helper()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, name), []byte(printed), 0o600); err != nil {
		t.Fatal(err)
	}
	return folder
}
