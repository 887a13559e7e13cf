package handlers

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"parley/chat"
)

func (a *api) listMembers(c *gin.Context) error {
	return listUsersOf(c, "members", func(m chat.Member) string { return m.Username }, a.Chats.Members)
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
