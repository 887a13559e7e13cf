package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"parley/chat"
	"parley/client"
)

// display is how messages and events are shown.
type display struct {
	IDs   bool   `name:"ids" help:"Show the id of each message, by which it is edited, deleted and answered."`
	JSON  bool   `name:"json" help:"A line of JSON for each."`
	Color string `default:"auto" enum:"auto,always,never" placeholder:"auto|always|never" help:"Whether to use colours; auto does on a terminal, unless NO_COLOR is set."`
}

// screen shows messages and events, each by one write.
type screen struct {
	out                io.Writer
	json, ids, colours bool
	// chats says that each line names its chat.
	chats bool
}

func (d display) screen(out io.Writer, chats bool) screen {
	return screen{out: out, json: d.JSON, ids: d.IDs, colours: d.Color == "always" || d.Color == "auto" && coloured(out), chats: chats}
}

// coloured says whether colours are wanted where nothing is said of them (no-color.org).
func coloured(out io.Writer) bool {
	f, ok := out.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// message shows a stored message.
func (s screen) message(m chat.Message) error {
	if s.json {
		return s.value(m)
	}
	return s.line(m.Chat, s.text(m))
}

// event shows an event of a stream. Without JSON there is none for signals, and for what
// only tells how far the stream is.
func (s screen) event(e client.Event) error {
	if s.json {
		return s.value(struct {
			Event chat.Kind       `json:"event"`
			ID    int64           `json:"id,omitempty"`
			Data  json.RawMessage `json:"data"`
		}{e.Name, e.ID, e.Data})
	}
	text := s.told(e)
	if text == "" {
		return nil
	}
	return s.line(cmp.Or(e.Chat, "*"), text)
}

func (s screen) value(v any) error {
	data, err := json.Marshal(v)
	if err == nil {
		_, err = fmt.Fprintln(s.out, visibleJSON(data))
	}
	return err
}

func (s screen) line(chatID, text string) error {
	if s.chats {
		text = s.paint(dim, "#"+visible(chatID)) + " " + text
	}
	_, err := fmt.Fprintln(s.out, text)
	return err
}

// told is an event as a line; empty where there is none.
func (s screen) told(e client.Event) string {
	note := func(format string, args ...any) string { return s.paint(dim, fmt.Sprintf("* "+format, args...)) }
	switch e.Name {
	case chat.KindMessage, chat.KindMessageEdited:
		return s.text(*e.Message)
	case chat.KindMessageDeleted:
		return note("message %d of %s was deleted", e.Message.ID, visible(e.Message.Author))
	case chat.KindReaction:
		return note("reactions to message %d of %s: %s", e.Message.ID, visible(e.Message.Author), reactions(e.Message.Reactions))
	case chat.KindMemberJoined:
		return note("%s joined", visible(e.Member.Username))
	case chat.KindMemberLeft:
		return note("%s left", visible(e.Member.Username))
	case chat.KindMemberUpdated:
		return note("%s is %s now", visible(e.Member.Username), visible(string(e.Member.Role)))
	case chat.KindChatUpdated:
		return note("the chat is %q now, %s", e.Update.Title, visible(string(e.Update.Visibility)))
	case chat.KindChatDeleted:
		return note("the chat was deleted")
	case chat.NameChatJoined:
		return note("you joined")
	case chat.NameChatLeft:
		return note("you left")
	case client.Reset:
		return note("the place to go on from is gone (%s); messages may be missing", visible(e.Reason))
	}
	return ""
}

// text is a message as a line, or several.
func (s screen) text(m chat.Message) string {
	when := clock(m.CreatedAt.Time(), time.Now())
	if s.ids {
		when += fmt.Sprintf(" [%d]", m.ID)
	}
	text := visibleLines(m.Text)
	switch {
	case m.Deleted:
		text = s.paint(dim, "(deleted)")
	case !m.EditedAt.IsZero():
		text += s.paint(dim, " (edited)")
	}
	return s.paint(dim, when) + " " + s.paint(colourOf(m.Author), visible(m.Author)) + ": " + text
}

// clock is a time of day, with the day where it is another.
func clock(t, now time.Time) string {
	t = t.Local()
	if t.Format(time.DateOnly) == now.Local().Format(time.DateOnly) {
		return t.Format("15:04")
	}
	return t.Format("2006-01-02 15:04")
}

// Colours are numbers of SGR (ECMA-48 section 8.3.117).
const dim = 2

// colourOf is an author's, the same each time.
func colourOf(author string) int {
	h := fnv.New32a()
	io.WriteString(h, author)
	return 31 + int(h.Sum32()%6)
}

func (s screen) paint(colour int, text string) string {
	if !s.colours {
		return text
	}
	// A line break within would carry the colour into the next line.
	return fmt.Sprintf("\x1b[%dm%s\x1b[0m", colour, strings.ReplaceAll(text, "\n", " "))
}

// reactions are those of a message, each with how often it is there.
func reactions(rs chat.Reactions) string {
	if len(rs) == 0 {
		return "none"
	}
	var found []string
	for _, r := range rs {
		found = append(found, fmt.Sprintf("%s %d", visible(r.Emoji), r.Count))
	}
	return strings.Join(found, ", ")
}
