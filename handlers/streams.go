package handlers

import (
	"net/http"
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

// follow serves a stream of one chat or, for "", of all. Wherever the cursor is
// no good the stream says so itself; everything else that is wrong is refused
// here, before it begins.
func (a *api) follow(c *gin.Context, chatID string) error {
	q := queryOf(c)
	start := stream.Start{
		Actor:       actorOf(c),
		Chat:        chatID,
		LastEventID: strings.Join(c.Request.Header.Values("Last-Event-ID"), ", "),
		After:       strings.Join(q.values["after"], ", "),
		Limit:       q.count("limit", 0, chat.MaxPosition),
		Timeout:     q.duration("timeout"),
		Origin:      q.text("origin"),
		Framing:     framings[c.GetString(answerType)],
		RequestID:   middleware.RequestIDOf(c),
	}
	if e := q.text("errors"); e != "" && e != errorsInBand {
		q.refuse("errors", `must be "`+errorsInBand+`"`)
	}
	if err := chat.Checks(q.err(), chat.CheckOrigin("origin", start.Origin)); err != nil {
		return err
	}
	// The server bounds how long a request may take to arrive. A stream goes on,
	// and its connection is watched for the client's leaving.
	_ = http.NewResponseController(c.Writer).SetReadDeadline(time.Time{})
	return a.Streams.Serve(c.Writer, c.Request, start)
}

// guardFollower refuses a stream opened with the cookie from a foreign page:
// EventSource sends it along, and the page could read everything.
func (a *api) guardFollower(c *gin.Context) error {
	if !middleware.ByCookie(c) {
		return nil
	}
	return a.Origins.Check(c.Request)
}
