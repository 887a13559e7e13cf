package history

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// good is a run in which every promise was kept, and its log. Ann owns the chat; bob joins,
// posts, is removed, and joins again; ann's second session ends.
func good() (Run, Log) {
	message := func(id, seq int64, author, key string) *Message {
		return &Message{ID: id, Seq: seq, Chat: "c", Author: author, Text: "text " + key, ClientID: key}
	}
	rows := []Row{
		{Pos: 1, Kind: "member.joined", Chat: "c", Seq: 1, Username: "ann"},
		{Pos: 2, Kind: "member.joined", Chat: "c", Seq: 2, Username: "bob"},
		{Pos: 3, Kind: "message", Chat: "c", Seq: 3, Message: message(3, 3, "ann", "k3")},
		{Pos: 4, Kind: "message", Chat: "c", Seq: 4, Message: message(4, 4, "bob", "k4")},
		{Pos: 5, Kind: "member.left", Chat: "c", Seq: 5, Username: "bob"},
		{Pos: 6, Kind: "message", Chat: "c", Seq: 6, Message: message(6, 6, "ann", "k6")},
		{Pos: 7, Kind: "member.joined", Chat: "c", Seq: 7, Username: "bob"},
		{Pos: 8, Kind: "session.ended", Username: "ann", Session: "ann-2"},
		{Pos: 9, Kind: "message", Chat: "c", Seq: 8, Message: message(9, 8, "ann", "k9")},
	}
	log := Log{Rows: rows, Pages: []Page{{Chat: "c"}}}
	run := Run{}
	for i, row := range rows {
		if row.Message == nil {
			continue
		}
		log.Pages[0].Messages = append(log.Pages[0].Messages, *row.Message)
		m := *row.Message
		run.Posts = append(run.Posts, Post{
			Author: m.Author, Session: m.Author + "-1", Chat: "c", Text: m.Text, Key: m.ClientID,
			Tries: []Try{{Status: 0, Start: at(i), End: at(i) + 1}, {Status: 201, Start: at(i) + 2, End: at(i) + 3, Answer: m}},
		})
	}
	run.Changes = []Change{
		{Kind: Joined, Username: "bob", Chat: "c", Status: 200},
		{Kind: Left, Username: "bob", Chat: "c", Status: 204},
		{Kind: LoggedOut, Username: "ann", Session: "ann-2", Status: 204},
	}
	run.Conns = []Conn{
		{Reader: "ann", User: "ann", Session: "ann-1", Chat: "c", Cursor: 0, Frames: show(rows, "", 1, 2, 3)},
		{Reader: "ann", User: "ann", Session: "ann-1", Chat: "c", Cursor: 3, Known: 4, Whole: true, Frames: show(rows, "", 4, 5, 6, 7, 9)},
		{Reader: "bob", User: "bob", Session: "bob-1", Cursor: 0, Frames: show(rows, "bob", 2, 3, 4, 5)},
		{Reader: "bob", User: "bob", Session: "bob-1", Cursor: 5, Known: 7, Whole: true, Frames: show(rows, "bob", 7, 9)},
		{Reader: "ended", User: "ann", Session: "ann-2", Cursor: 0, Frames: show(rows, "ann", 1, 2, 3, 4, 5, 6, 7)},
	}
	return run, log
}

// at is when the i-th post begins.
func at(i int) time.Duration { return time.Duration(10 * i) }

// show are the frames of the rows at positions, on a stream over all chats of user or on the
// chat's own.
func show(rows []Row, user string, positions ...int64) (frames []Frame) {
	frames = append(frames, Frame{ID: positions[0] - 1, HasID: true})
	for _, pos := range positions {
		row := rows[pos-1]
		f := Frame{Event: row.Kind, ID: pos, HasID: true}
		own := user != "" && row.Username == user
		switch {
		case row.Message != nil:
			m := row.Message
			f.Data = fmt.Sprintf(`{"id":%d,"seq":%d,"chat":"c","author":%q,"text":%q,"client_id":%q}`, m.ID, m.Seq, m.Author, m.Text, m.ClientID)
		case own:
			f.Event = strings.Replace(row.Kind, "member", "chat", 1)
			f.Data = fmt.Sprintf(`{"seq":%d,"chat":"c"}`, row.Seq)
		default:
			f.Data = fmt.Sprintf(`{"seq":%d,"chat":"c","username":%q}`, row.Seq, row.Username)
		}
		frames = append(frames, f)
	}
	return frames
}

func TestARunThatKeepsEveryPromisePasses(t *testing.T) {
	for _, violation := range Check(good()) {
		t.Error(violation)
	}
}

// The end of the log is lost while a stream is open: its reader is told, and goes on behind.
func TestAResetOnAnOpenStreamPassesWhereThePlaceWasLost(t *testing.T) {
	run, log := good()
	log.Rows = append(log.Rows, Row{Pos: 1000, Kind: "jump", Before: 9})
	reset := Frame{Event: "reset", ID: 1000, HasID: true, Data: `{"reason":"ahead","cursor":1000}`}
	lost := Frame{Event: "message", ID: 10, HasID: true, Data: `{"id":10,"seq":9,"chat":"c"}`}
	run.Conns[1].Frames = append(run.Conns[1].Frames, lost, reset)
	for _, violation := range Check(run, log) {
		t.Error(violation)
	}
	run.Conns[1].Frames = slices.Delete(run.Conns[1].Frames, 6, 7) // the place is in the log
	if len(Check(run, log)) == 0 {
		t.Error("a reset without need passes on an open stream")
	}
}

func TestEachKindOfBrokenHistoryIsFound(t *testing.T) {
	remove := func(frames []Frame, i int) []Frame {
		return append(append([]Frame(nil), frames[:i]...), frames[i+1:]...)
	}
	for name, test := range map[string]struct {
		broken func(*Run, *Log)
		told   string
	}{
		"an acknowledged message is missing": {func(r *Run, l *Log) {
			r.Posts = append(r.Posts, Post{Author: "ann", Chat: "c", Text: "gone", Tries: []Try{{Status: 201, Answer: Message{ID: 10, Author: "ann"}}}})
		}, "is not in the log"},
		"a key is stored twice":           {func(r *Run, l *Log) { l.Rows[5].Message.Text = "text k3" }, "2 times"},
		"an answer differs from the log":  {func(r *Run, l *Log) { r.Posts[0].Tries[1].Answer.Seq = 9 }, "was answered with"},
		"two answers name two messages":   {func(r *Run, l *Log) { r.Posts[0].Tries[0] = r.Posts[1].Tries[1] }, "and with"},
		"a refused post is stored":        {func(r *Run, l *Log) { r.Posts[0].Tries = []Try{{Status: 403}} }, "was refused"},
		"a message nobody sent":           {func(r *Run, l *Log) { r.Posts = r.Posts[1:] }, "never sent"},
		"an author is not the token's":    {func(r *Run, l *Log) { r.Posts[0].Author = "bob" }, "its author is ann"},
		"a post lands behind a removal":   {func(r *Run, l *Log) { l.Rows[5].Message.Author, r.Posts[2].Author = "bob", "bob" }, "was no member"},
		"a post lands behind a logout":    {func(r *Run, l *Log) { r.Posts[3].Session = "ann-2" }, "behind the end of its session"},
		"the log has a hole":              {func(r *Run, l *Log) { l.Rows = append(l.Rows[:2:2], l.Rows[3:]...) }, "no event between"},
		"a seq has a hole":                {func(r *Run, l *Log) { l.Rows[8].Seq = 9 }, "has seq 9"},
		"positions run against time":      {func(r *Run, l *Log) { r.Posts[3].Tries[0].Start, r.Posts[3].Tries[1].End = -2, -1 }, "was given the position"},
		"a frame is missing":              {func(r *Run, l *Log) { r.Conns[1].Frames = remove(r.Conns[1].Frames, 2) }, "where 5"},
		"the last frame is missing":       {func(r *Run, l *Log) { r.Conns[1].Frames = remove(r.Conns[1].Frames, 5) }, "to the end"},
		"a frame comes twice":             {func(r *Run, l *Log) { f := &r.Conns[0]; f.Frames = append(f.Frames, f.Frames[3]) }, "where 4"},
		"the replay repeats the cursor":   {func(r *Run, l *Log) { r.Conns[1].Frames = show(l.Rows, "", 3, 4, 5, 6, 7, 9) }, "was shown 3"},
		"the place moves past a message":  {func(r *Run, l *Log) { r.Conns[1].Frames[1] = Frame{ID: 4, HasID: true} }, "without 4"},
		"ready comes before the replay":   {func(r *Run, l *Log) { r.Conns[1].Frames[1] = Frame{Event: "ready", Data: `{"head":9}`} }, "ready"},
		"a client resumes from elsewhere": {func(r *Run, l *Log) { r.Conns[1].Cursor = 2 }, "had been given 3"},
		"absence is shown over all chats": {func(r *Run, l *Log) { r.Conns[3].Frames = show(l.Rows, "bob", 6, 7, 9) }, "was shown 6"},
		"a chat's stream outlives a removal": {func(r *Run, l *Log) {
			r.Conns[2].Chat, r.Conns[2].Known, r.Conns[2].Frames = "c", 4, slices.Insert(show(l.Rows, "", 1, 2, 3, 4, 5, 6), 5, Frame{Event: "ready", Data: `{"head":4}`})
		}, "was shown 6"},
		"a stream outlives its session": {func(r *Run, l *Log) { r.Conns[4].Frames = show(l.Rows, "ann", 1, 2, 3, 4, 5, 6, 7, 9) }, "was shown 9"},
		"a stream opens behind a logout": {func(r *Run, l *Log) {
			r.Conns[4].Known, r.Conns[4].Cursor, r.Conns[4].Frames = 9, 9, []Frame{{ID: 9, HasID: true}}
		}, "had ended"},
		"a reset without need": {func(r *Run, l *Log) {
			r.Conns[1].Frames = []Frame{{Event: "reset", Data: `{"reason":"ahead","cursor":9}`, ID: 9, HasID: true}}
		}, "got a reset"},
		"a frame shows another text": {func(r *Run, l *Log) {
			r.Conns[0].Frames[3].Data = strings.Replace(r.Conns[0].Frames[3].Data, "text", "test", 1)
		}, "the log holds"},
		"the history shows another text":  {func(r *Run, l *Log) { l.Pages[0].Messages[1].Text = "other" }, "of its history is"},
		"the history lacks a message":     {func(r *Run, l *Log) { l.Pages[0].Messages = l.Pages[0].Messages[1:] }, "its history shows"},
		"an acknowledged removal is gone": {func(r *Run, l *Log) { r.Changes = append(r.Changes, r.Changes[1]) }, "once more often"},
		"an acknowledged logout is gone":  {func(r *Run, l *Log) { r.Changes[2].Session = "ann-3" }, "knows nothing"},
		"a jump names another place":      {func(r *Run, l *Log) { l.Rows = append(l.Rows, Row{Pos: 1000, Kind: "jump", Before: 8}) }, "goes on behind 8"},
		"a lost id shows another message": {func(r *Run, l *Log) {
			r.Lost = []Span{{100, 200}}
			m := Message{ID: 9, Seq: 8, Chat: "c", Author: "ann", Text: "lost"}
			r.Posts = append(r.Posts, Post{Author: "ann", Session: "ann-1", Chat: "c", Text: "lost", Tries: []Try{{Start: 150, End: 151, Status: 201, Answer: m}}})
		}, "The id 9 was shown"},
		"a client gives up": {func(r *Run, l *Log) { r.Conns[1].Frames = append(r.Conns[1].Frames, Frame{Event: "error"}) }, "gave up"},
		"a lost place is not reset": {func(r *Run, l *Log) {
			l.Rows = append(l.Rows, Row{Pos: 1000, Kind: "jump", Before: 9})
			r.Conns = append(r.Conns, Conn{Reader: "lost", User: "ann", Session: "ann-1", Cursor: 11})
		}, "got no reset"},
	} {
		t.Run(name, func(t *testing.T) {
			run, log := good()
			test.broken(&run, &log)
			found := Check(run, log)
			if all := strings.Join(found, "\n"); !strings.Contains(all, test.told) {
				t.Errorf("no violation says %q:\n%s", test.told, all)
			}
		})
	}
}
