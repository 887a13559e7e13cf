package handlers

import (
	"github.com/gin-gonic/gin"

	"parley/chat"
)

// What cannot be the name of anything is answered like what does not exist, and
// is not put to the store, which may not even be able to take it.

func chatParam(c *gin.Context) (string, error) { return existingChat(c.Param("chat")) }

func existingChat(chatID string) (string, error) {
	if chat.CheckChatID(chatID) != nil {
		return "", chat.ErrNotFound
	}
	return chatID, nil
}

func userParam(c *gin.Context) (string, error) {
	username := c.Param("username")
	if chat.CheckAnyUsername(username) != nil {
		return "", chat.ErrNotFound
	}
	return username, nil
}

func memberParams(c *gin.Context) (chatID, username string, err error) {
	username, err = userParam(c)
	if err != nil {
		return "", "", err
	}
	chatID, err = chatParam(c)
	return chatID, username, err
}

func messageParam(c *gin.Context) (int64, error) {
	id, ok := chat.ParsePosition(c.Param("id"))
	if !ok || id < 1 {
		return 0, chat.ErrNotFound
	}
	return id, nil
}
