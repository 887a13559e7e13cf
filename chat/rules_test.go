package chat

import (
	"errors"
	"strings"
	"testing"
)

func TestWhatIsStoredIsBoundedInCodePointsAndClean(t *testing.T) {
	long := strings.Repeat("é", MaxText)
	for text, good := range map[string]bool{
		"a": true, " ": true, "\r\n\t": true, "😀": true, long: true,
		"": false, long + "é": false, "a\x00b": false, "\xff": false, "\xed\xa0\x80": false, // a surrogate in UTF-8
	} {
		err := CheckText(text)
		if (err == nil) != good {
			t.Errorf("%.20q: %v", text, err)
		}
		if err != nil && !errors.Is(err, ErrInvalid) {
			t.Errorf("%.20q: %v is no ErrInvalid", text, err)
		}
	}
}

func TestNamesHaveTheirForm(t *testing.T) {
	for name, good := range map[string]bool{
		"a": true, "0": true, "a.b_c-d": true, strings.Repeat("a", 32): true,
		"": false, "A": false, ".a": false, "-a": false, "a b": false, "a\n": false, "é": false, strings.Repeat("a", 33): false,
	} {
		if err := CheckUsername(name); (err == nil) != good {
			t.Errorf("username %q: %v", name, err)
		}
	}
	for id, good := range map[string]bool{
		"a": true, "0-a": true, strings.Repeat("a", 64): true,
		"a.b": false, "a_b": false, "-a": false, "A": false, "a\n": false, strings.Repeat("a", 65): false,
	} {
		if err := CheckChatID(id); (err == nil) != good {
			t.Errorf("chat id %q: %v", id, err)
		}
	}
}

func TestAPostsParts(t *testing.T) {
	good := Post{Chat: "lobby", Text: "hello", ReplyTo: 3, ClientID: "a-1", Origin: "tab"}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	for field, spoil := range map[string]func(*Post){
		"text":      func(p *Post) { p.Text = "" },
		"reply_to":  func(p *Post) { p.ReplyTo = -1 },
		"client_id": func(p *Post) { p.ClientID = strings.Repeat("a", MaxClientID+1) },
		"X-Origin":  func(p *Post) { p.Origin = "a b" },
	} {
		p := good
		spoil(&p)
		var refused *Error
		if err := p.Check(); !errors.As(err, &refused) || refused.Fields[0].Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func TestAllThatIsNoGoodIsSaidAtOnce(t *testing.T) {
	long, secret := strings.Repeat("a", MaxTitle+1), Visibility("secret")
	for want, err := range map[string]error{
		"text reply_to client_id X-Origin": Post{ReplyTo: -1, ClientID: "a b", Origin: strings.Repeat("a", MaxOrigin+1)}.Check(),
		"id title visibility":              NewChat{ID: "A", Title: long, Visibility: secret}.Check(),
		"title visibility":                 ChatChange{Title: &long, Visibility: &secret}.Check(),
	} {
		var refused *Error
		if !errors.As(err, &refused) || !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", want, err)
			continue
		}
		var fields []string
		for _, f := range refused.Fields {
			fields = append(fields, f.Field)
		}
		if got := strings.Join(fields, " "); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	for name, err := range map[string]error{"a chat": NewChat{Visibility: Private}.Check(), "a change": ChatChange{}.Check()} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatIsNoMistakeOfAFieldIsNeverLostAmongThem(t *testing.T) {
	for _, err := range []error{ErrNotFound, ErrInvalid, errors.New("broken")} {
		if got := Checks(nil, Invalid("a", "b"), err); got != err {
			t.Errorf("%v became %v", err, got)
		}
	}
}

func TestPasswordsAreBounded(t *testing.T) {
	for password, good := range map[string]bool{
		strings.Repeat("é", MinPassword): true, strings.Repeat("a", MaxPassword): true,
		strings.Repeat("é", MinPassword-1): false, strings.Repeat("a", MaxPassword+1): false,
	} {
		if err := CheckPassword("password", password); (err == nil) != good {
			t.Errorf("a password of %d bytes: %v", len(password), err)
		}
	}
}
