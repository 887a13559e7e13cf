package middleware

import "github.com/gin-gonic/gin"

const basePathKey = "parley/base-path"

// BasePath tells what follows it under which path the service is mounted: "" for the
// root, else one such as "/chat".
func BasePath(base string) gin.HandlerFunc {
	return func(c *gin.Context) { c.Set(basePathKey, base) }
}

// At is a path of the service as its clients ask for it.
func At(c *gin.Context, path string) string { return c.GetString(basePathKey) + path }
