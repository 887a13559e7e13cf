package handlers

import (
	"cmp"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"parley/chat"
	"parley/middleware"
)

// messageBody is what a client says of a message whose chat is known.
type messageBody struct {
	Text     string  `json:"text"`
	ReplyTo  *int64  `json:"reply_to"`
	ClientID *string `json:"client_id"`
}

func (a *api) post(c *gin.Context) error {
	var body struct {
		Chat string `json:"chat"`
		messageBody
	}
	if err := decode(c, &body); err != nil {
		return err
	}
	if body.Chat == "" {
		return chat.Invalid("chat", "must be the id of a chat")
	}
	chatID, err := existingChat(body.Chat)
	if err != nil {
		return err
	}
	return a.store(c, chatID, body.messageBody)
}

// postInChat takes JSON, and text: what curl sends for -d 'hello' calls itself a
// form, and is the text, byte for byte.
func (a *api) postInChat(c *gin.Context) error {
	chatID, err := chatParam(c)
	if err != nil {
		return err
	}
	data, kind, err := readBody(c, typeJSON, typeText, typeForm)
	if err != nil {
		return err
	}
	var body messageBody
	if kind == typeJSON {
		if err := decodeJSON(data, &body); err != nil {
			return err
		}
	} else {
		body.Text = string(data)
	}
	return a.store(c, chatID, body)
}

func (a *api) store(c *gin.Context, chatID string, body messageBody) error {
	replyTo, replyErr := optional("reply_to", body.ReplyTo, "must be the id of a message")
	key, keyErr := clientID(c.Request.Header, body.ClientID)
	origin, originErr := single(c.Request.Header, "X-Origin")
	asked := chat.Post{Chat: chatID, Text: body.Text, ReplyTo: replyTo, ClientID: key, Origin: origin}
	if err := chat.Checks(replyErr, keyErr, originErr, asked.Check()); err != nil {
		return err
	}
	a.Streams.Hold(c.Request.Context(), chatID)
	posted, err := a.Messages.Post(c.Request.Context(), actorOf(c), asked)
	if err != nil {
		return err
	}
	return answerPosted(c, posted)
}

// clientID is the author's key for a message, which the header Idempotency-Key
// and the body's client_id both name; they may not differ.
func clientID(header http.Header, inBody *string) (string, error) {
	inHeader, headerErr := single(header, "Idempotency-Key")
	named, bodyErr := optional("client_id", inBody, "must not be empty")
	if inHeader != "" && named != "" && inHeader != named {
		return "", chat.Invalid("client_id", "must be the same as the header Idempotency-Key")
	}
	return cmp.Or(named, inHeader), chat.Checks(headerErr, bodyErr)
}

// single is a header's one value, or "" where it is absent.
func single(header http.Header, name string) (string, error) {
	values := header.Values(name)
	switch {
	case len(values) == 0:
		return "", nil
	case len(values) > 1:
		return "", repeatedField(name)
	case values[0] == "":
		return "", chat.Invalid(name, "must not be empty")
	}
	return values[0], nil
}

func answerPosted(c *gin.Context, posted chat.Posted) error {
	data, err := encodePosted(posted)
	if err != nil {
		return err
	}
	status := http.StatusCreated
	if posted.Replayed {
		status = http.StatusOK
		c.Header("Idempotency-Replayed", "true")
	}
	id := strconv.FormatInt(posted.Message.ID, 10)
	c.Header("Location", middleware.At(c, "/messages/"+id))
	c.Header("ETag", versionTag(posted.Message.Version()))
	if wantsText(c) {
		return writeText(c, status, id)
	}
	writeDocument(c, status, data)
	return nil
}

// encodePosted encodes a message, or takes what a stream has encoded of it already.
func encodePosted(posted chat.Posted) ([]byte, error) {
	if data := posted.Encoded.Load(); data != nil {
		return data, nil
	}
	data, err := encode(posted.Message)
	if err != nil {
		return nil, err
	}
	return posted.Encoded.Share(data), nil
}

func (a *api) readMessage(c *gin.Context) error {
	id, err := messageParam(c)
	if err != nil {
		return err
	}
	message, err := a.Messages.Message(c.Request.Context(), actorOf(c), id)
	if err != nil {
		return err
	}
	version, match := message.Version(), ifMatch(c.Request.Header)
	if match.given && !match.has(version) {
		return chat.ErrPreconditionFailed
	}
	c.Header("Cache-Control", "private, no-cache")
	// Whose reactions are "mine" depends on the caller, and the tag does not.
	c.Writer.Header().Add("Vary", "Authorization, Cookie")
	if ifNoneMatch(c.Request.Header).has(version) {
		c.Header("ETag", versionTag(version))
		c.Writer.WriteHeader(http.StatusNotModified)
		c.Writer.WriteHeaderNow()
		return nil
	}
	return answerMessage(c, message)
}
