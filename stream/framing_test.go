package stream

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestEveryFramingTellsTheSame(t *testing.T) {
	inHouse(t, Options{}, func(h *house) {
		lines := h.open(Start{Chat: "lobby", Framing: NDJSON, After: "1"})
		text := h.open(Start{Chat: "lobby", Framing: Text, After: "1"})
		h.commit(says("lobby", "bob", "a\nb\x1b[0m\u009b\u0085\u2028\u2029"), says("lobby", "ann", `back\slash`), leaves("lobby", "bob"))
		h.sleep(17 * time.Second)
		expect(t, "text", text.text(), "\nbob: a\\nb\\x1b[0m\\x9b\\x85\\u2028\\u2029\nann: back\\slash\n\n")
		expect(t, "type", text.header.Get("Content-Type"), "text/plain; charset=utf-8")

		expect(t, "type", lines.header.Get("Content-Type"), "application/x-ndjson")
		var told []string
		for line := range strings.Lines(lines.text()) {
			if line == "\n" {
				told = append(told, "beat")
				continue
			}
			var object struct {
				Event string
				ID    int64
				Data  struct {
					ID   int64
					Text string
				}
			}
			if err := json.Unmarshal([]byte(line), &object); err != nil {
				t.Errorf("%v in %q", err, line)
			}
			if object.Event == "message" && (object.ID != object.Data.ID || object.ID < 3) {
				t.Errorf("id %d of %q", object.ID, line)
			}
			told = append(told, object.Event)
		}
		expect(t, "lines", strings.Join(told, " "), "beat member.joined ready message message member.left beat")
	})
}

func TestTextCountsTheMessagesThatItShows(t *testing.T) {
	inHouse(t, Options{}, func(h *house) {
		c := h.open(Start{Chat: "lobby", Framing: Text, After: "earliest", Limit: 2})
		h.commit(numbered(1, 3)...)
		<-c.done
		expect(t, "text", c.text(), "\nbob: 1\nbob: 2\n")
	})
}
