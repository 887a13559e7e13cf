package auth

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"parley/chat"
)

func TestAWeakPasswordIsNoNewPassword(t *testing.T) {
	for _, weak := range []string{
		"password", "PassWord", "12345678", "qwertyuiop", "iloveyou1", "trustno1",
		"ｐａｓｓｗｏｒｄ", // full width
		"ann.smith", "Ann.Smith", "ANN.SMITH",
		"Ann Äpfelß", "ann äpfelss", "ANN\u3000A\u0308PFELSS",
	} {
		d := newDesk(t)
		_, err := d.SignUp(t.Context(), SignUp{Username: "ann.smith", Password: weak, DisplayName: "Ann Äpfelß"})
		wantWeak(t, weak, err, "password")
		if len(d.store.accounts) != 0 {
			t.Errorf("a user with the password %q was stored", weak)
		}
	}
	for _, good := range []string{"ann.smith!", "correct-horse", "correct-horse-battery", "battery-staple", "12345678-of-them"} {
		u := SignUp{Username: "ann.smith", Password: good, DisplayName: "Ann Äpfelß"}
		if err := u.Check(); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
}

func TestARefusalOfAPasswordNamesTheFieldThatHadIt(t *testing.T) {
	wantWeak(t, "password1", CheckNewPassword("new_password", "password1", chat.User{Username: "ann"}), "new_password")
	err := CheckNewPassword("new_password", "short", chat.User{Username: "ann"})
	var invalid *chat.Error
	if !errors.As(err, &invalid) || invalid.Code != chat.ErrInvalid.Code || invalid.Fields[0].Field != "new_password" {
		t.Errorf("got %v", err)
	}
}

func TestWhatIsInvalidIsToldBeforeWhatIsWeak(t *testing.T) {
	err := SignUp{Username: "Ann!", Password: "password"}.Check()
	wantError(t, err, chat.ErrInvalid)
}

func TestTheCommonestPasswordsAreInOneFormAndOrder(t *testing.T) {
	list := commonest()
	if len(list) != 10_000 || !slices.IsSorted(list) {
		t.Errorf("%d passwords, sorted: %v", len(list), slices.IsSorted(list))
	}
	for _, password := range list {
		if folded(password) != password || checkPassword(password) != nil {
			t.Errorf("%q is never found", password)
		}
	}
	if strings.Contains(commonestText, "\r") {
		t.Error("a line has two ends")
	}
}

func wantWeak(t *testing.T, password string, err error, field string) {
	t.Helper()
	var weak *chat.Error
	if !errors.As(err, &weak) || weak.Code != chat.ErrWeakPassword.Code || len(weak.Fields) != 1 || weak.Fields[0].Field != field {
		t.Errorf("%q: got %v", password, err)
	}
}
