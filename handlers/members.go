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
	members, err := a.Chats.Members(c.Request.Context(), actorOf(c), chatID)
	if err != nil {
		return err
	}
	return writeJSON(c, http.StatusOK, struct {
		Members []chat.Member `json:"members"`
	}{members})
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
