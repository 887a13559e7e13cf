package history

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// changed is the good run, behind which the message 9 was edited twice and reacted to, and the
// message 3 deleted.
func changed() (Run, Log) {
	run, log := good()
	third, ninth := log.Rows[2].Message, log.Rows[8].Message
	before := *ninth
	version := func(n int) Message {
		m := before
		m.Text = Edited(before.Text, n)
		return m
	}
	*ninth = version(2)
	third.Text, third.Deleted = "", true
	log.Rows = append(log.Rows,
		Row{Pos: 10, Kind: "message.edited", Chat: "c", Seq: 9, Of: ninth},
		Row{Pos: 11, Kind: "message.edited", Chat: "c", Seq: 10, Of: ninth},
		Row{Pos: 12, Kind: "reaction", Chat: "c", Seq: 11, Of: ninth},
		Row{Pos: 13, Kind: "message.deleted", Chat: "c", Seq: 12, Of: third})
	log.Pages[0].Messages[0], log.Pages[0].Messages[3] = *third, *ninth
	run.Edits = []Edit{{ID: 9, Version: 1, Status: 200}, {ID: 9, Version: 2, Status: 200}, {ID: 3, Version: Gone, Status: 204}}
	for _, i := range []int{1, 3} { // those that were connected to the end
		conn := &run.Conns[i]
		for n, m := range []Message{version(1), version(2), version(2), *third} {
			conn.Frames = append(conn.Frames, tells(log.Rows[9+n], m))
		}
	}
	return run, log
}

// tells is a row's frame, which shows m.
func tells(row Row, m Message) Frame {
	return Frame{Event: row.Kind, ID: row.Pos, HasID: true, Data: fmt.Sprintf(
		`{"id":%d,"seq":%d,"chat":"c","author":%q,"text":%q,"client_id":%q,"deleted":%v}`,
		m.ID, row.Seq, m.Author, m.Text, m.ClientID, m.Deleted)}
}

func TestARunWithEditsPasses(t *testing.T) {
	run, log := changed()
	for _, violation := range Check(run, log) {
		t.Error(violation)
	}
}

func TestEachKindOfBrokenEditIsFound(t *testing.T) {
	show := func(pos int64, change func(m *Message)) func(*Run, *Log) {
		return func(r *Run, l *Log) {
			frames := r.Conns[1].Frames
			for i := range frames {
				if frames[i].ID == pos {
					m := *l.Rows[pos-1].about()
					change(&m)
					frames[i] = tells(l.Rows[pos-1], m)
				}
			}
		}
	}
	text := func(version int) func(m *Message) {
		return func(m *Message) {
			posted, _ := unedited(m.Text)
			m.Text = Edited(posted, version)
		}
	}
	for name, test := range map[string]struct {
		broken func(*Run, *Log)
		told   string
	}{
		"an edit shows the text before":   {show(11, text(1)), "shows version 1 of message 9, and is of version 2"},
		"a text that nobody wrote":        {show(11, text(3)), "shows version 3"},
		"a replaced text comes again":     {show(12, text(1)), "behind version 2"},
		"a text that was replaced before": {func(r *Run, l *Log) { r.Conns[1].Start = time.Second }, "had been replaced by 2 before the stream began"},
		"a deletion shows a text":         {show(13, func(m *Message) { m.Text, m.Deleted = "text k3", false }), "shows version 0 of message 3"},
		"a tombstone keeps its text":      {show(13, func(m *Message) { m.Text = "text k3" }), "the log holds"},
		"another text under the same id":  {show(10, func(m *Message) { m.Text = "other #1" }), "the log holds"},
		"an edit is not shown": {func(r *Run, l *Log) {
			frames := r.Conns[1].Frames
			r.Conns[1].Frames = append(frames[:len(frames)-3:len(frames)-3], frames[len(frames)-2:]...)
		}, "where 11"},
		"an acknowledged edit is gone":     {func(r *Run, l *Log) { r.Edits[1].Version = 3 }, "was acknowledged, and the log holds 2 edits"},
		"an acknowledged deletion is gone": {func(r *Run, l *Log) { r.Edits[2].ID = 4 }, "stands in the log 0 times"},
		"an edit is stored twice":          {func(r *Run, l *Log) { r.Edits = r.Edits[2:] }, "and 0 were asked"},
	} {
		t.Run(name, func(t *testing.T) {
			run, log := changed()
			test.broken(&run, &log)
			found := Check(run, log)
			if all := strings.Join(found, "\n"); !strings.Contains(all, test.told) {
				t.Errorf("no violation says %q:\n%s", test.told, all)
			}
		})
	}
}
