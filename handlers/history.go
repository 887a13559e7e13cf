package handlers

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"parley/chat"
	"parley/middleware"
)

func (a *api) history(c *gin.Context) error {
	chatID, err := chatParam(c)
	if err != nil {
		return err
	}
	asked, err := historyQuery(c)
	if err != nil {
		return err
	}
	history, err := a.Messages.History(c.Request.Context(), actorOf(c), chatID, asked)
	if err != nil {
		return err
	}
	return answerHistory(c, "/chats/"+chatID+"/messages", asked, history)
}

// historyQuery reads which part of a history is asked for.
func historyQuery(c *gin.Context) (chat.HistoryQuery, error) {
	q := queryOf(c)
	asked := chat.HistoryQuery{
		Before: q.position("before"),
		After:  q.position("after"),
		Limit:  int(q.count("limit", chat.DefaultHistory, chat.MaxHistory)),
	}
	if asked.Before != nil && asked.After != nil {
		q.refuse("before", "cannot be given together with after")
	}
	return asked, q.err()
}

// answerHistory answers with a part of the history at path.
func answerHistory(c *gin.Context, path string, asked chat.HistoryQuery, h chat.History) error {
	if links := historyLinks(middleware.At(c, path), asked, h); links != "" {
		c.Header("Link", links)
	}
	return writeJSON(c, http.StatusOK, h)
}

// historyLinks is the Link header (RFC 8288) of a part of the history at path. The parts
// follow one another as the messages do: next is later, prev earlier.
func historyLinks(path string, asked chat.HistoryQuery, h chat.History) string {
	var earlier, later int64
	switch n := len(h.Messages); {
	case n > 0:
		earlier, later = h.Messages[0].ID, h.Messages[n-1].ID
	case asked.After != nil: // nothing after it, so the part ends with it
		earlier, later = min(*asked.After+1, chat.MaxPosition), *asked.After
	case asked.Before != nil && *asked.Before > 0:
		earlier, later = *asked.Before, *asked.Before-1
	}
	link := func(name string, id int64, rel string) string {
		values := url.Values{"limit": {strconv.Itoa(asked.Limit)}, name: {strconv.FormatInt(id, 10)}}
		return "<" + path + "?" + values.Encode() + `>; rel="` + rel + `"`
	}
	var links []string
	if h.Later {
		links = append(links, link("after", later, "next"))
	}
	if h.Earlier {
		links = append(links, link("before", earlier, "prev"))
	}
	return strings.Join(links, ", ")
}
