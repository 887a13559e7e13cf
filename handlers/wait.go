package handlers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"regexp/syntax"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"

	"parley/chat"
	"parley/stream"
)

const (
	// maxPattern bounds the pattern of a wait, in characters, and maxProgram in instructions of
	// the program that it becomes: what is matched takes as long as their number times that of
	// the text's characters, and few characters can become very many of them.
	maxPattern = 200
	maxProgram = 1000
	// defaultWait is how long is waited for a message if the client does not say.
	defaultWait = 30 * time.Second
	// lookBeyond is how long behind the end of a wait the messages of a page are still looked at.
	lookBeyond = time.Second
	// waitPace lies between two looks at a chat in which something was said that does not
	// match, so that a busy chat costs a waiter no more than a few reads a second.
	waitPace = 100 * time.Millisecond
)

// waitForMessage answers with the first message whose text matches, or with nothing when the
// time is over or the credential has ended. It reads what a stream of the chat would show.
func (a *api) waitForMessage(c *gin.Context) error {
	chatID, err := chatParam(c)
	if err != nil {
		return err
	}
	start, pattern, wait, err := waitOf(c, chatID)
	if err != nil {
		return err
	}
	until, expires := time.Now().Add(wait), actorOf(c).Expires.Time()
	if expires.Before(until) {
		until = expires
	}
	looking, cancel := context.WithDeadline(c.Request.Context(), until.Add(lookBeyond))
	defer cancel()
	readUntil(c, until.Add(answerWithin))
	_ = http.NewResponseController(c.Writer).SetWriteDeadline(until.Add(answerWithin))
	for {
		next := *start // a page takes what it is given
		page, err := a.Streams.Page(c.Request.Context(), &next, max(0, time.Until(until)))
		if err != nil {
			return err
		}
		behind := page.Cursor
		m, found, err := firstMatch(looking, page, pattern)
		if found {
			behind = m.ID
			m, err = a.Messages.Message(c.Request.Context(), actorOf(c), m.ID)
		}
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			return writeNothing(c)
		case err != nil:
			return err
		case !time.Now().Before(expires): // what was read may be younger
			return writeNothing(c)
		case found && !m.Deleted && pattern.MatchString(m.Text): // still
			return answerMessage(c, m)
		case !time.Now().Before(until):
			return writeNothing(c)
		}
		start.After = strconv.FormatInt(behind, 10)
		select {
		case <-c.Request.Context().Done():
			return c.Request.Context().Err()
		case <-time.After(min(waitPace, time.Until(until))):
		}
	}
}

// waitOf reads what is waited for. A place that is gone is the present, as on a stream.
func waitOf(c *gin.Context, chatID string) (start *stream.Start, pattern *regexp.Regexp, wait time.Duration, err error) {
	if start, err = startOf(c, chatID); err != nil {
		return nil, nil, 0, err
	}
	q := queryOf(c)
	text := q.text("match")
	if utf8.RuneCountInString(text) > maxPattern {
		q.refuse("match", fmt.Sprintf("must have at most %d characters", maxPattern))
	} else if pattern, err = regexp.Compile(text); err != nil {
		q.refuse("match", "must be a regular expression in the syntax of RE2")
	} else if programOf(text) > maxProgram {
		q.refuse("match", "repeats too much: it must be simpler")
	}
	if wait = start.Timeout; wait > maxWait {
		q.refuse("timeout", "must be at most "+maxWait.String())
	}
	if wait == 0 {
		wait = defaultWait
	}
	start.LastEventID, start.Limit, start.Timeout = "", 0, 0
	return start, pattern, wait, q.err()
}

// programOf is how many instructions a pattern becomes that compiles.
func programOf(pattern string) int {
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return 0
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return 0
	}
	return len(program.Inst)
}

// firstMatch finds the first message on a page whose text matches. It looks at no more of them
// once ctx is over.
func firstMatch(ctx context.Context, page stream.Page, pattern *regexp.Regexp) (m chat.Message, found bool, err error) {
	for _, e := range page.Events {
		if err := ctx.Err(); err != nil {
			return m, false, err
		}
		if e.Event != string(chat.KindMessage) {
			continue
		}
		m = chat.Message{}
		if err := json.Unmarshal(e.Data, &m); err != nil {
			return m, false, fmt.Errorf("reading a frame: %w", err)
		}
		if !m.Deleted && pattern.MatchString(m.Text) {
			return m, true, nil
		}
	}
	return m, false, nil
}
