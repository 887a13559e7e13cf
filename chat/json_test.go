package chat

import (
	"encoding/json"
	"testing"
	"time"
)

var noon = NewTime(time.Date(2026, 1, 2, 12, 0, 0, 3_999_999, time.FixedZone("", 3600)))

func TestEachTypeHasTheJSONOfTheContract(t *testing.T) {
	message := Message{ID: 7, Seq: 3, Chat: "lobby", Author: "ann", Text: "<hi>", CreatedAt: noon}
	owner, unread, none, last := RoleOwner, int64(0), (*Message)(nil), &Message{ID: 1}
	for want, value := range map[string]any{
		`"2026-01-02T11:00:00.003Z"`: noon,
		`{"id":7,"seq":3,"chat":"lobby","author":"ann","text":"\u003chi\u003e","created_at":"2026-01-02T11:00:00.003Z"}`:                       message,
		`{"id":"a","title":"","visibility":"public","role":null,"created_at":"2026-01-02T11:00:00.003Z"}`:                                      Chat{ID: "a", Visibility: Public, CreatedAt: noon},
		`{"id":"a","title":"","visibility":"","role":"owner","head":9,"unread":0,"last_message":null,"created_at":"2026-01-02T11:00:00.003Z"}`: Chat{ID: "a", Role: &owner, Head: 9, Unread: &unread, LastMessage: &none, CreatedAt: noon},
		`{"seq":4,"chat":"lobby","username":"bob","role":"member"}`:                                                                            Event{Kind: KindMemberLeft, Seq: 4, Chat: "lobby", Username: "bob", Role: RoleMember}.Data(),
		`{"seq":4,"chat":"lobby","title":"T","visibility":"private"}`:                                                                          Event{Kind: KindChatUpdated, Seq: 4, Chat: "lobby", Title: "T", Visibility: Private}.Data(),
		`{"seq":4,"chat":"lobby"}`: Event{Kind: KindChatDeleted, Seq: 4, Chat: "lobby"}.Data(),
		`{"id":7,"seq":3,"chat":"","author":"","text":"","created_at":"0001-01-01T00:00:00.000Z"}`: Event{Kind: KindMessage, Seq: 3, Message: &Message{ID: 7, Seq: 9}}.Data(),
	} {
		got, err := json.Marshal(value)
		if err != nil || string(got) != want {
			t.Errorf("got %s, %v\nwant %s", got, err, want)
		}
	}
	if (Chat{LastMessage: &last}).Last() != last || (Chat{}).Last() != nil {
		t.Error("Last is not what LastMessage comes to")
	}
}

func TestATimeComesBackAsItWas(t *testing.T) {
	var back Time
	if err := back.UnmarshalText([]byte(noon.String())); err != nil || back != noon || TimeFromMilli(noon.UnixMilli()) != noon {
		t.Errorf("%v, %v", back, err)
	}
	if err := back.UnmarshalText([]byte("yesterday")); err == nil {
		t.Error("yesterday is a time")
	}
}
