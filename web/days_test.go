package web

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

func TestDaysStandBetweenTheirMessages(t *testing.T) {
	now := time.Now()
	// Behind midnight, today would be yesterday.
	if midnight := time.Date(now.Year(), now.Month(), now.Day()+1, 0, 0, 0, 0, time.Local); time.Until(midnight) < time.Minute {
		time.Sleep(time.Until(midnight))
		now = midnight
	}
	noon := time.Date(now.Year(), now.Month(), now.Day(), 12, 0, 0, 0, time.Local)
	var messages []string
	for i, at := range []time.Time{
		noon.AddDate(-2, 0, 0), noon.AddDate(0, 0, -1), noon.AddDate(0, 0, -1).Add(time.Minute), noon,
	} {
		messages = append(messages, fmt.Sprintf(`{"id":%d,"seq":%d,"chat":"lobby","author":"bob","text":"text %d","created_at":%q}`,
			i+2, i+1, i+1, at.UTC().Format("2006-01-02T15:04:05.000Z")))
	}
	answers := lobby()
	answers["GET /chats/lobby/messages"] = `{"messages":[` + strings.Join(messages, ",") + `],"cursor":9}`
	address, _ := serve(t, answers)
	ctx := browse(t)
	err := chromedp.Do(ctx,
		remembered(address),
		chromedp.Navigate(address+"#/lobby"),
		chromedp.WaitVisible(chromedp.CSS(`#messages li.message:last-child`)),
	)
	if err != nil {
		t.Fatal(err)
	}
	shown := evaluate[string](t, ctx, `[...document.querySelectorAll("#messages li.day, #messages li.message")]
		.map((li) => li.matches(".day") ? li.textContent : li.querySelector(".text").textContent).join("; ")`)
	first, rest, _ := strings.Cut(shown, "; ")
	if year := fmt.Sprint(now.Year() - 2); !strings.Contains(first, year) {
		t.Errorf("the first day is %q, which does not name %s", first, year)
	}
	if want := "text 1; Yesterday; text 2; text 3; Today; text 4"; rest != want {
		t.Errorf("behind the first day is shown %q, want %q", rest, want)
	}
}
