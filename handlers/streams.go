package handlers

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"parley/chat"
	"parley/middleware"
	"parley/stream"
)

func (a *api) followChat(c *gin.Context) error {
	chatID, err := chatParam(c)
	if err != nil {
		return err
	}
	return a.follow(c, chatID)
}

func (a *api) followAll(c *gin.Context) error { return a.follow(c, "") }

// framings are the media types of streams.
var framings = map[string]stream.Framing{
	typeEventStream: stream.SSE,
	typeNDJSON:      stream.NDJSON,
	typeText:        stream.Text,
}

// follow serves a stream of one chat or, for "", of all.
//
// A stream that net/http drives keeps this goroutine's stack for as long as it
// lives, so what is not needed any more is not on it.
func (a *api) follow(c *gin.Context, chatID string) error {
	start, err := startOf(c, chatID)
	if err != nil {
		return err
	}
	if c.GetString(answerType) == typeJSON {
		return a.pageOf(c, start)
	}
	// The server bounds how long a request may take to arrive. A stream goes on,
	// and its connection is watched for the client's leaving; a refusal does not.
	readUntil(c, time.Time{})
	middleware.LeaveLineToStream(c)
	if err := a.Streams.Serve(c.Writer, c.Request, start); err != nil {
		readUntil(c, time.Now().Add(answerWithin))
		return err
	}
	return nil
}

// readUntil sets until when the client is read from. It fails where there is no
// connection, as in a test.
func readUntil(c *gin.Context, deadline time.Time) {
	_ = http.NewResponseController(c.Writer).SetReadDeadline(deadline)
}

// startOf reads what a stream is to be. Wherever the cursor is no good the stream
// says so itself; everything else that is wrong is refused here, before it begins.
func startOf(c *gin.Context, chatID string) (*stream.Start, error) {
	q := queryOf(c)
	start := &stream.Start{
		Actor:       actorOf(c),
		Chat:        chatID,
		LastEventID: strings.Join(c.Request.Header.Values("Last-Event-ID"), ", "),
		After:       strings.Join(q.values["after"], ", "),
		Limit:       q.count("limit", 0, chat.MaxPosition),
		Timeout:     q.duration("timeout"),
		Origin:      q.word("origin"),
		Framing:     framings[c.GetString(answerType)],
		Address:     middleware.AddressOf(c),
		RequestID:   middleware.RequestIDOf(c),
	}
	if e := q.word("errors"); e != "" && e != errorsInBand {
		q.refuse("errors", `must be "`+errorsInBand+`"`)
	}
	if err := chat.Checks(q.err(), chat.CheckOrigin("origin", start.Origin)); err != nil {
		return nil, err
	}
	return start, nil
}

// maxWait bounds how long a page is waited for.
const maxWait = time.Minute

// pageOf answers with a page of a stream, at once or, if the client prefers to wait
// (RFC 7240 section 4.3), when there is something in it.
func (a *api) pageOf(c *gin.Context, start *stream.Start) error {
	wait := preferredWait(c.Request.Header)
	if start.Timeout > 0 {
		wait = min(wait, start.Timeout)
	}
	within := time.Now().Add(wait + answerWithin)
	readUntil(c, within)
	_ = http.NewResponseController(c.Writer).SetWriteDeadline(within)
	page, err := a.Streams.Page(c.Request.Context(), start, wait)
	if err != nil {
		return err
	}
	header := c.Writer.Header()
	stream.SetHeader(header, typeJSON)
	header.Add("Vary", "Prefer")
	if wait > 0 {
		header.Set("Preference-Applied", fmt.Sprintf("wait=%d", wait/time.Second))
	}
	return writeJSON(c, http.StatusOK, page)
}

// preferredWait is how long the header Prefer asks to wait, at most maxWait; 0 if it
// does not, or in a form that nobody need understand.
func preferredWait(header http.Header) time.Duration {
	for _, line := range header.Values("Prefer") {
		for preference := range strings.SplitSeq(line, ",") {
			name, value, _ := strings.Cut(preference, "=")
			if !strings.EqualFold(strings.TrimSpace(name), "wait") {
				continue
			}
			value, _, _ = strings.Cut(value, ";")
			seconds, err := strconv.ParseUint(strings.Trim(strings.TrimSpace(value), `"`), 10, 64)
			if err != nil && !errors.Is(err, strconv.ErrRange) {
				return 0
			}
			return time.Duration(min(seconds, uint64(maxWait/time.Second))) * time.Second
		}
	}
	return 0
}
