// Package handlers is the HTTP door of parley: it decodes a request, makes one
// call, and encodes the answer.
//
// routes.go is the one table of what can be asked. A handler returns its error;
// the problem document is written in one place, by package middleware. No
// *gin.Context leaves the request that it belongs to.
package handlers
