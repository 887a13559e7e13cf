package history

import (
	"sync"
	"time"
)

// Message is a message as answers, frames, pages and the log show it.
type Message struct {
	ID       int64  `json:"id"`
	Seq      int64  `json:"seq"`
	Chat     string `json:"chat"`
	Author   string `json:"author"`
	Text     string `json:"text"`
	ClientID string `json:"client_id"`
	Deleted  bool   `json:"deleted"`
}

// Post is one message that a client wants stored, however often it has to ask.
// Texts of different posts differ.
type Post struct {
	Author, Session, Chat, Text string
	// Key is the client's; empty for none.
	Key   string
	Tries []Try
}

// Try is one request for a post. Times count from the beginning of the run.
type Try struct {
	Start, End time.Duration
	// Status is that of the answer, 0 where none came.
	Status   int
	Replayed bool
	Answer   Message
}

// stored says that the answer promises the message.
func (t Try) stored() bool { return t.Status == 200 || t.Status == 201 }

// refused says that the answer promises that this request stored nothing.
func (t Try) refused() bool { return t.Status >= 300 && t.Status < 500 }

// ChangeKind is what a change changes.
type ChangeKind string

// The kinds of change.
const (
	Joined    ChangeKind = "join"
	Left      ChangeKind = "leave"
	LoggedOut ChangeKind = "logout"
)

// Change is a request that changes what a user may see, and its answer.
type Change struct {
	Kind           ChangeKind
	Username, Chat string
	Session        string
	Start, End     time.Duration
	Status         int
}

// Frame is what a reader made of one frame. A frame without Data only moves the place
// that the client resumes from.
type Frame struct {
	Event string
	Data  string
	ID    int64
	HasID bool
}

// Now is the cursor of a connection that named none.
const Now int64 = -1

// Conn is one opening of a stream that was answered with one, and all that came.
type Conn struct {
	// Reader names the follower; its connections are recorded in order.
	Reader        string
	User, Session string
	// Chat is empty for a stream over all chats.
	Chat string
	// Cursor is the place that the client named, or Now.
	Cursor int64
	// Known is a position that the log was known to have reached before the request.
	Known      int64
	Start, End time.Duration
	Frames     []Frame
	// Whole says that the stream was open to the end of the run, and long enough for
	// everything to have come.
	Whole bool
	// Resumes says that a client library reconnects behind this one sequence.
	Resumes bool
}

// Span is a part of a run.
type Span struct{ From, To time.Duration }

// Run is the record of a run.
type Run struct {
	Posts   []Post
	Changes []Change
	Edits   []Edit
	Conns   []Conn
	// Lost are the spans of which the database was put back to the beginning: what was
	// acknowledged in them may be gone.
	Lost []Span
}

// Recorder takes a run down; many goroutines may use it.
type Recorder struct {
	began time.Time
	mu    sync.Mutex
	run   Run
	known int64
}

// NewRecorder begins a run.
func NewRecorder() *Recorder { return &Recorder{began: time.Now()} }

// Since is the time since the run began.
func (r *Recorder) Since() time.Duration { return time.Since(r.began) }

// Post records a post with all its tries.
func (r *Recorder) Post(p Post) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.run.Posts = append(r.run.Posts, p)
}

// Acknowledged notes that the log was seen to have reached a position.
func (r *Recorder) Acknowledged(pos int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.known = max(r.known, pos)
}

// Known is the highest position that was acknowledged.
func (r *Recorder) Known() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.known
}

// Change records a change.
func (r *Recorder) Change(c Change) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.run.Changes = append(r.run.Changes, c)
}

// Edit records an edit.
func (r *Recorder) Edit(e Edit) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.run.Edits = append(r.run.Edits, e)
}

// Conn records a connection that is over.
func (r *Recorder) Conn(c Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.run.Conns = append(r.run.Conns, c)
}

// PutBack notes that the database was put back to what it was at a time of the run.
// Positions known since are not.
func (r *Recorder) PutBack(s Span) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.run.Lost = append(r.run.Lost, s)
	r.known = 0
}

// Run returns what was recorded so far.
func (r *Recorder) Run() Run {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Run{
		Posts: append([]Post(nil), r.run.Posts...), Changes: append([]Change(nil), r.run.Changes...),
		Edits: append([]Edit(nil), r.run.Edits...), Conns: append([]Conn(nil), r.run.Conns...), Lost: append([]Span(nil), r.run.Lost...),
	}
}
