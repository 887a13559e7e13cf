package handlers

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"parley/chat"
	"parley/middleware"
)

func (a *api) createChat(c *gin.Context) error {
	var body struct {
		ID         *string          `json:"id"`
		Title      string           `json:"title"`
		Visibility *chat.Visibility `json:"visibility"`
	}
	if err := decode(c, &body); err != nil {
		return err
	}
	id, idErr := optional("id", body.ID, "must not be empty")
	asked := chat.NewChat{ID: id, Title: body.Title, Visibility: chat.Private}
	if body.Visibility != nil {
		asked.Visibility = *body.Visibility
	}
	if err := chat.Checks(idErr, asked.Check()); err != nil {
		return err
	}
	ch, err := a.Chats.CreateChat(c.Request.Context(), actorOf(c), asked)
	if err != nil {
		return err
	}
	c.Header("Location", middleware.At(c, "/chats/"+ch.ID))
	return writeJSON(c, http.StatusCreated, ch)
}

func (a *api) listChats(c *gin.Context) error {
	q := queryOf(c)
	list := a.Chats.MemberChats
	asked := q.list(chat.CheckChatID)
	switch q.word("visibility") {
	case "":
	case string(chat.Public):
		list = a.Chats.PublicChats
	default:
		q.refuse("visibility", `must be "public"`)
	}
	if err := q.err(); err != nil {
		return err
	}
	page, err := list(c.Request.Context(), actorOf(c), asked)
	if err != nil {
		return err
	}
	linkNext(c, asked, page, func(ch chat.Chat) string { return ch.ID })
	return writeJSON(c, http.StatusOK, struct {
		Chats []chat.Chat `json:"chats"`
	}{page.Items})
}

func (a *api) readChat(c *gin.Context) error {
	chatID, err := chatParam(c)
	if err != nil {
		return err
	}
	ch, err := a.Chats.Chat(c.Request.Context(), actorOf(c), chatID)
	if err != nil {
		return err
	}
	return writeJSON(c, http.StatusOK, ch)
}

func (a *api) updateChat(c *gin.Context) error {
	chatID, err := chatParam(c)
	if err != nil {
		return err
	}
	var body struct {
		Title      *string          `json:"title"`
		Visibility *chat.Visibility `json:"visibility"`
	}
	if err := decode(c, &body); err != nil {
		return err
	}
	change := chat.ChatChange{Title: body.Title, Visibility: body.Visibility}
	if err := change.Check(); err != nil {
		return err
	}
	ch, err := a.Chats.UpdateChat(c.Request.Context(), actorOf(c), chatID, change)
	if err != nil {
		return err
	}
	return writeJSON(c, http.StatusOK, ch)
}

func (a *api) deleteChat(c *gin.Context) error {
	chatID, err := chatParam(c)
	if err != nil {
		return err
	}
	if err := a.Chats.DeleteChat(c.Request.Context(), actorOf(c), chatID); err != nil {
		return err
	}
	return writeNothing(c)
}
