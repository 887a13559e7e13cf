package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// history is a service whose lobby has 1,000 messages, and 200 in reserve that come in live.
const history = `
const message = (id, text = "as it was") => ({ id, seq: id, chat: "lobby", author: "bob", text, created_at: "2026-01-02T03:04:05.678Z" });
let takes = 0;
const serve = async (method, path, query) => {
	if (path.startsWith("messages/")) return message(Number(path.slice(9)));
	const before = Number(query.get("before") ?? 1_001);
	await new Promise((resolve) => setTimeout(resolve, takes));
	return { messages: Array.from({ length: 50 }, (_, i) => message(before - 50 + i)), cursor: 1_000 };
};
/** Tells of a change, and returns a reference to it that does not keep it. */
const edit = (chats, id, position) => {
	const data = message(id, "as it is");
	chats.apply("message.edited", data, position);
	return new WeakRef(data);
};
`

func TestAChangeIsForgottenWithItsMessage(t *testing.T) {
	got := play[struct{ Known, Kept int }](t, history+`
const chats = await begin(serve);
const lobby = chats.get("lobby");
chats.load(lobby);
await advance(0);
const changes = [];
let position = 1_000;
for (let id = 901; id <= 1_000; id++) changes.push(edit(chats, id, ++position));
await advance(0);
const known = lobby.messages.filter(({ text }) => text === "as it is").length;
for (let i = 0; i < 200; i++) {
	const id = ++position;
	chats.apply("message", message(id), id);
}
await advance(0);
chats.turn(lobby, null);
await advance(0);
gc();
console.log(JSON.stringify({ known, kept: changes.filter((change) => change.deref()).length }));
`)
	if got.Known != 50 || got.Kept != 0 {
		t.Errorf("of 100 changes 50 are of known messages, and %d are shown; %d are kept behind the messages", got.Known, got.Kept)
	}
}

func TestAnAnswerDoesNotUndoAChangeThatWasQuicker(t *testing.T) {
	got := play[map[string][]string](t, history+`
const chats = await begin(serve);
const lobby = chats.get("lobby");
takes = 1_000;
chats.load(lobby);
await advance(500);
edit(chats, 960, 1_001);
await advance(600);
chats.older(lobby);
chats.quoted(lobby, 5);
edit(chats, 5, 1_002);
await advance(500);
edit(chats, 910, 1_003);
await advance(600);
const text = (id) => lobby.message(id)?.text ?? "unknown";
console.log(JSON.stringify({ texts: [text(960), text(910), text(5), text(961)] }));
`)
	for i, want := range []string{"as it is", "as it is", "as it is", "as it was"} {
		if text := got["texts"][i]; text != want {
			t.Errorf("the text at %d is %q, want %q", i, text, want)
		}
	}
}

func TestAMessageIsKnownAsLongAsAnotherOneAnswersIt(t *testing.T) {
	got := play[struct{ Before, Behind, Known, Others []int }](t, history+`
const chats = await begin(serve);
const lobby = chats.get("lobby");
chats.load(lobby);
await advance(0);
let position = 1_000;
const live = (more) => chats.apply("message", { ...message(++position), ...more }, position);
for (let i = 0; i < 100; i++) live();
live({ reply_to: 5 });
live({ reply_to: 960 });
await advance(0);
const quoted = async () => {
	for (const id of [5, 960]) chats.quoted(lobby, id);
	await advance(0);
	return [5, 960].map((id) => chats.quoted(lobby, id)?.id ?? 0);
};
const before = await quoted();
chats.turn(lobby, null);
const known = [5, 960].map((id) => lobby.message(id)?.id ?? 0);
const others = [959, 961].map((id) => lobby.message(id)?.id ?? 0);
// Once nothing known answers it, it is forgotten, and read again where it is needed again.
for (let i = 0; i < 100; i++) live();
await advance(0);
chats.turn(null, lobby);
console.log(JSON.stringify({ before, known, others, behind: [lobby.message(5)?.id ?? 0, ...await quoted()] }));
`)
	if fmt.Sprint(got.Before, got.Known, got.Others, got.Behind) != "[5 960] [5 960] [0 0] [0 5 960]" {
		t.Errorf("known are %+v", got)
	}
}

func TestAChatThatIsNotOpenKeepsFewMessages(t *testing.T) {
	got := play[struct{ Kept, Last int }](t, history+`
const chats = await begin(serve);
const lobby = chats.get("lobby");
chats.turn(null, lobby);
chats.load(lobby);
await advance(0);
chats.turn(lobby, chats.get("hall"));
for (let id = 1_001; id <= 2_000; id++) chats.apply("message", message(id), id);
await advance(0);
console.log(JSON.stringify({ kept: lobby.messages.length, last: lobby.messages.at(-1).id }));
`)
	if got.Kept > 200 || got.Last != 2_000 {
		t.Errorf("it keeps %d messages, of which the last is %d", got.Kept, got.Last)
	}
}

// feed is a lobby that begins with 40 messages, and to which more come in live.
type feed struct {
	stream chan int // the last message that it is to tell of

	mu   sync.Mutex
	last int
	// befores are the ids before which the page asks for older messages.
	befores []int
}

const tall = "one line\\ntwo lines\\nthree lines\\nfour lines"

func (f *feed) message(id int) string {
	return fmt.Sprintf(`{"id":%d,"seq":%d,"chat":"lobby","author":"bob","text":"%s","created_at":"2026-01-02T03:04:05.678Z"}`, id, id, tall)
}

func (f *feed) messages(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	from, to := 1, f.last
	if before, err := strconv.Atoi(r.URL.Query().Get("before")); err == nil {
		f.befores = append(f.befores, before)
		from, to = max(1, before-50), before-1
	}
	page := []json.RawMessage{}
	for id := from; id <= to; id++ {
		page = append(page, json.RawMessage(f.message(id)))
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"messages": page, "cursor": f.last})
}

func (f *feed) follow(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	fmt.Fprintf(w, "id: 40\n\nevent: ready\ndata: {\"head\":40}\n\n")
	_ = http.NewResponseController(w).Flush()
	for {
		select {
		case <-r.Context().Done():
			return
		case last := <-f.stream:
			f.mu.Lock()
			for f.last < last {
				f.last++
				fmt.Fprintf(w, "id: %d\nevent: message\ndata: %s\n\n", f.last, f.message(f.last))
			}
			f.mu.Unlock()
			_ = http.NewResponseController(w).Flush()
		}
	}
}

// asked returns the first id before which messages were asked for since it was called last; 0
// for none.
func (f *feed) asked() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	defer func() { f.befores = nil }()
	if len(f.befores) == 0 {
		return 0
	}
	return f.befores[0]
}

func TestAChatThatStaysOpenIsTrimmedBehindTheReaderAlone(t *testing.T) {
	f := &feed{last: 40, stream: make(chan int)}
	answers := lobby()
	delete(answers, "GET /chats/lobby/messages")
	answers["GET /chats"] = `{"chats":[{"id":"lobby","title":"","visibility":"public","role":"member","head":40,"unread":0,"last_message":` + f.message(40) + `,"created_at":"2026-01-02T03:04:05.678Z"}]}`
	answers["PUT /chats/lobby/read"] = `{}`
	address, _ := serveBy(t, answers, map[string]http.HandlerFunc{"GET /chats/lobby/messages": f.messages, "GET /stream": f.follow})
	ctx := browse(t)
	await := func(condition string) {
		t.Helper()
		for !evaluate[bool](t, ctx, condition) {
			select {
			case <-ctx.Done():
				t.Fatalf("never: %s", condition)
			case <-time.After(10 * time.Millisecond):
			}
		}
	}
	const log = `document.getElementById("log")`
	const first = `Number(document.querySelector("#messages li.message")?.dataset.id)`
	const last = `Number([...document.querySelectorAll("#messages li.message")].at(-1)?.dataset.id)`
	// up goes up until the page asks for older messages, before one that it returns, or shows
	// the first of all, and then returns 1.
	up := func() int {
		t.Helper()
		for {
			shown, err := chromedp.Run(ctx, chromedp.Evaluate[int](`new Promise((resolve) => {
				`+log+`.scrollTop = 0;
				requestAnimationFrame(() => requestAnimationFrame(() => resolve(`+first+`)));
			})`, chromedp.EvalAwaitPromise))
			if err != nil {
				t.Fatal(err)
			}
			if before := f.asked(); before > 0 {
				return before
			}
			if shown == 1 {
				return 1
			}
		}
	}
	err := chromedp.Do(ctx,
		remembered(address),
		chromedp.Navigate(address+"#/lobby"),
		chromedp.WaitVisible(chromedp.CSS(`#status[data-state="live"]`)),
		chromedp.WaitVisible(chromedp.CSS(`#messages [data-id="40"]`)),
	)
	if err != nil {
		t.Fatal(err)
	}

	// The past that is looked at stays as it is.
	evaluate[bool](t, ctx, log+`.scrollTop = document.querySelector("[data-id='20']").offsetTop, true`)
	await(`!document.getElementById("newest").hidden`)
	f.stream <- 1040
	await(`document.getElementById("newest").textContent.startsWith("1000 new")`)
	if off := evaluate[float64](t, ctx, log+`.scrollTop - document.querySelector("[data-id='20']").offsetTop`); off < -2 || off > 2 {
		t.Errorf("the message that is looked at has moved by %v pixels", off)
	}
	if before := up(); before != 1 {
		t.Errorf("messages before %d are asked for, which were there", before)
	}

	// At the end it goes; more come in while the end is looked at.
	evaluate[bool](t, ctx, `document.getElementById("newest").click(), true`)
	await(last + ` === 1040`)
	if before := up(); before <= 1040-400 {
		t.Errorf("behind the return to the end everything from %d on is kept", before)
	}
	evaluate[bool](t, ctx, `document.getElementById("newest").click(), true`)
	await(last + ` === 1040`)
	f.asked()
	f.stream <- 2040
	await(last + ` === 2040`)
	if before := up(); before <= 2040-400 {
		t.Errorf("at the end everything from %d on is kept", before)
	}
}
