package handlers

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"parley/chat"
)

// body has every kind of field that a request has.
type body struct {
	Chat string `json:"chat"`
	Yes  bool   `json:"cookie"`
	messageBody
}

func FuzzABodyIsTakenOrRefusedByItsFieldsAndNothingElse(f *testing.F) {
	for _, s := range []string{
		`{"chat":"a","cookie":true,"text":"b","reply_to":1,"client_id":null}`, `{"text":"\ud800"}`, "{\"\xff\":1}", `{"a":{"b":[1]}}`,
		`[`, `null`, `{"":1}`, `{"":1,"":1}`, `{"`, "=", "=&=", ` {} `, `{"text":"a","text":1}`, "chat=a&text=%ff", "reply_to=1&cookie=true", "a;b=c", "%",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, decode := range []func(v *body) error{
			func(v *body) error { return decodeJSON([]byte(s), v) },
			func(v *body) error { return decodeForm(s, v) },
		} {
			var v body
			err := decode(&v)
			var refused *chat.Error
			switch {
			case err == nil && !(utf8.ValidString(v.Text) && utf8.ValidString(v.Chat)):
				t.Errorf("%q: taken, and no UTF-8", s)
			case err != nil && (!errors.As(err, &refused) || len(refused.Fields) == 0 || refused.Fields[0].Field == "" || refused.Fields[0].Message == ""):
				t.Errorf("%q: refused by %v", s, err)
			}
		}
	})
}

func TestARefusalIsShortHoweverLongTheNameIs(t *testing.T) {
	long := strings.Repeat("ü", 60_000)
	for what, refuse := range map[string]func(v *body) error{
		"an unknown field in JSON": func(v *body) error { return decodeJSON([]byte(`{"`+long+`":1}`), v) },
		"an unknown field":         func(v *body) error { return decodeForm(long+"=1", v) },
		"many names":               func(v *body) error { return decodeJSON([]byte(`{"chat":`+strings.Repeat("[", 5000)), v) },
	} {
		var v body
		var refused *chat.Error
		if err := refuse(&v); !errors.As(err, &refused) || len(refused.Fields) != 1 {
			t.Errorf("%s: %v", what, err)
		} else if field := refused.Fields[0].Field; len(field) > maxFieldName+len("…") || !utf8.ValidString(field) {
			t.Errorf("%s: the field is named in %d bytes: %q", what, len(field), field[:80])
		}
	}
}

func TestANumberInAFormIsWrittenAsInJSON(t *testing.T) {
	for number, good := range map[string]bool{
		"7": true, "-7": true, "0": true, "+7": false, "007": false, "7.0": false, "7e1": false, " 7": false, "": false,
	} {
		var v body
		inForm := decodeForm(url.Values{"reply_to": {number}}.Encode(), &v)
		if (inForm == nil) != good {
			t.Errorf("form %q: %v", number, inForm)
		}
		// Blanks around a number are JSON's own.
		if inJSON := decodeJSON([]byte(`{"reply_to":`+number+`}`), &v); (inJSON == nil) != good && number != " 7" {
			t.Errorf("JSON %q: %v", number, inJSON)
		}
	}
}

func FuzzAFormSaysTheSameAsItsJSON(f *testing.F) {
	f.Add("lobby", "hällo & ho", int64(7), true)
	f.Fuzz(func(t *testing.T, chatID, text string, replyTo int64, yes bool) {
		if !utf8.ValidString(chatID) || !utf8.ValidString(text) {
			return
		}
		want := body{Chat: chatID, Yes: yes, messageBody: messageBody{Text: text, ReplyTo: &replyTo}}
		data, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		form := url.Values{"chat": {chatID}, "text": {text}, "reply_to": {fmt.Sprint(replyTo)}, "cookie": {fmt.Sprint(yes)}}
		var inJSON, inForm body
		if err := errors.Join(decodeJSON(data, &inJSON), decodeForm(form.Encode(), &inForm)); err != nil {
			t.Fatal(err)
		}
		if inJSON.Chat != inForm.Chat || inJSON.Text != inForm.Text || inJSON.Yes != inForm.Yes || *inJSON.ReplyTo != *inForm.ReplyTo {
			t.Errorf("%+v, %+v", inJSON, inForm)
		}
	})
}
