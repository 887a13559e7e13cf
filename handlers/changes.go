package handlers

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"parley/chat"
)

func (a *api) editMessage(c *gin.Context) error {
	id, err := messageParam(c)
	if err != nil {
		return err
	}
	var body struct {
		Text string `json:"text"`
	}
	if err := decode(c, &body); err != nil {
		return err
	}
	if err := chat.CheckText(body.Text); err != nil {
		return err
	}
	m, err := a.Messages.EditMessage(c.Request.Context(), actorOf(c), id, body.Text, ifMatch(c.Request.Header))
	if err != nil {
		return err
	}
	return answerMessage(c, m)
}

func (a *api) deleteMessage(c *gin.Context) error {
	id, err := messageParam(c)
	if err != nil {
		return err
	}
	if err := a.Messages.DeleteMessage(c.Request.Context(), actorOf(c), id, ifMatch(c.Request.Header)); err != nil {
		return err
	}
	return writeNothing(c)
}

func (a *api) addReaction(c *gin.Context) error    { return a.react(c, true) }
func (a *api) removeReaction(c *gin.Context) error { return a.react(c, false) }

func (a *api) react(c *gin.Context, on bool) error {
	id, err := messageParam(c)
	if err != nil {
		return err
	}
	emoji, err := emojiParam(c)
	if err != nil {
		return err
	}
	m, err := a.Messages.React(c.Request.Context(), actorOf(c), id, emoji, on)
	if err != nil {
		return err
	}
	return answerMessage(c, m)
}

func (a *api) replies(c *gin.Context) error {
	id, err := messageParam(c)
	if err != nil {
		return err
	}
	asked, err := historyQuery(c)
	if err != nil {
		return err
	}
	replies, err := a.Messages.Replies(c.Request.Context(), actorOf(c), id, asked)
	if err != nil {
		return err
	}
	return answerHistory(c, "/messages/"+strconv.FormatInt(id, 10)+"/replies", asked, replies)
}

// answerMessage answers with a message as it is now.
func answerMessage(c *gin.Context, m chat.Message) error {
	c.Header("ETag", versionTag(m))
	return writeJSON(c, http.StatusOK, m)
}

// versionTag is a strong validator of a message (RFC 9110 section 8.8.3): all its users are
// shown another one after each of its events, and the same until then.
func versionTag(m chat.Message) string { return `"` + strconv.FormatInt(m.Version(), 10) + `"` }

// ifMatch is the condition of the header If-Match (RFC 9110 section 13.1.1). A tag that is weak
// or none of a message's lets nothing pass.
func ifMatch(header http.Header) chat.Precondition {
	given := header.Values("If-Match")
	if len(given) == 0 {
		return chat.Precondition{}
	}
	p := chat.Precondition{Set: true}
	for tag := range strings.SplitSeq(strings.Join(given, ","), ",") {
		tag = strings.TrimSpace(tag)
		if tag == "*" { // any message that there is
			return chat.Precondition{}
		}
		number, opened := strings.CutPrefix(tag, `"`)
		number, closed := strings.CutSuffix(number, `"`)
		if version, ok := chat.ParsePosition(number); opened && closed && ok {
			p.Versions = append(p.Versions, version)
		}
	}
	return p
}
