package middleware

import "github.com/gin-gonic/gin"

// Secure and Host are what cookies and origins are decided by.
func Secure(c *gin.Context) bool { return isSecure(c.Request) }
func Host(c *gin.Context) string { return hostOf(c.Request) }
