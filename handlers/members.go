package handlers

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"parley/chat"
)

func (a *api) listMembers(c *gin.Context) error {
	chatID, err := chatParam(c)
	if err != nil {
		return err
	}
	q := queryOf(c)
	asked := q.list(chat.CheckAnyUsername)
	if err := q.err(); err != nil {
		return err
	}
	page, err := a.Chats.Members(c.Request.Context(), actorOf(c), chatID, asked)
	if err != nil {
		return err
	}
	linkNext(c, asked, page, func(m chat.Member) string { return m.Username })
	return writeJSON(c, http.StatusOK, struct {
		Members []chat.Member `json:"members"`
	}{page.Items})
}

func (a *api) putMember(c *gin.Context) error {
	chatID, username, err := memberParams(c)
	if err != nil {
		return err
	}
	var body struct {
		Role *chat.Role `json:"role"`
	}
	if err := decode(c, &body); err != nil {
		return err
	}
	var role chat.Role
	if body.Role != nil {
		role = *body.Role
		if err := role.Check(); err != nil {
			return err
		}
	}
	member, err := a.Chats.PutMember(c.Request.Context(), actorOf(c), chatID, username, role)
	if err != nil {
		return err
	}
	return writeJSON(c, http.StatusOK, member)
}

func (a *api) removeMember(c *gin.Context) error {
	chatID, username, err := memberParams(c)
	if err != nil {
		return err
	}
	if err := a.Chats.RemoveMember(c.Request.Context(), actorOf(c), chatID, username); err != nil {
		return err
	}
	return writeNothing(c)
}
