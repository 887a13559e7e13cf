package middleware

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"parley/chat"
	"parley/rates"
)

// Problem is a problem document (RFC 9457), the body of every failure.
type Problem struct {
	// Type is a stable name: "/problems/" and the code, wherever the service is mounted.
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
	// Instance is the request's path, without its query.
	Instance  string            `json:"instance,omitempty"`
	Code      chat.Code         `json:"code"`
	RequestID string            `json:"request_id,omitempty"`
	Errors    []chat.FieldError `json:"errors,omitempty"`

	// RetryAfter is after how many seconds it makes sense to ask again; 0 where
	// waiting does not help.
	RetryAfter int `json:"-"`
	// Scope is the scope that the script token lacks, where that is the reason.
	Scope chat.Scope `json:"-"`
}

// kind is what a code means in HTTP.
type kind struct {
	status int
	title  string
	// retryAfter is in seconds.
	retryAfter int
	// challenge says that the credential itself was refused, for which RFC 6750
	// section 3.1 has the error invalid_token. Where none was sent, section 3
	// wants no error.
	challenge bool
}

// kinds holds every code that a client can read.
var kinds = map[chat.Code]kind{
	chat.ErrInvalid.Code:             {status: http.StatusBadRequest, title: "Invalid request"},
	chat.ErrWeakPassword.Code:        {status: http.StatusBadRequest, title: "Weak password"},
	ErrTokenInURL.Code:               {status: http.StatusBadRequest, title: "Token in the URL"},
	ErrBrokenBody.Code:               {status: http.StatusBadRequest, title: "Broken body"},
	ErrUnauthenticated.Code:          {status: http.StatusUnauthorized, title: "Not authenticated"},
	ErrInvalidToken.Code:             {status: http.StatusUnauthorized, title: "Invalid access token", challenge: true},
	chat.ErrSessionEnded.Code:        {status: http.StatusUnauthorized, title: "Session ended", challenge: true},
	chat.ErrBadCredentials.Code:      {status: http.StatusUnauthorized, title: "Wrong username or password"},
	chat.ErrBadRefreshToken.Code:     {status: http.StatusUnauthorized, title: "Invalid refresh token"},
	chat.ErrBadTicket.Code:           {status: http.StatusUnauthorized, title: "Invalid stream ticket", challenge: true},
	chat.ErrWrongPassword.Code:       {status: http.StatusForbidden, title: "Wrong password"},
	chat.ErrForbidden.Code:           {status: http.StatusForbidden, title: "Forbidden"},
	chat.ErrNotAMember.Code:          {status: http.StatusForbidden, title: "Not a member"},
	chat.ErrReadOnly.Code:            {status: http.StatusForbidden, title: "Read only"},
	chat.ErrInsufficientScope.Code:   {status: http.StatusForbidden, title: "Insufficient scope"},
	ErrForeignOrigin.Code:            {status: http.StatusForbidden, title: "Foreign origin"},
	ErrSignupClosed.Code:             {status: http.StatusForbidden, title: "Sign-up closed"},
	chat.ErrNotFound.Code:            {status: http.StatusNotFound, title: "Not found"},
	ErrMethodNotAllowed.Code:         {status: http.StatusMethodNotAllowed, title: "Method not allowed"},
	ErrNotAcceptable.Code:            {status: http.StatusNotAcceptable, title: "Not acceptable"},
	chat.ErrUsernameTaken.Code:       {status: http.StatusConflict, title: "Username taken"},
	chat.ErrChatExists.Code:          {status: http.StatusConflict, title: "Chat exists"},
	chat.ErrTooManyChats.Code:        {status: http.StatusConflict, title: "Too many chats"},
	chat.ErrTooManyTokens.Code:       {status: http.StatusConflict, title: "Too many script tokens"},
	chat.ErrLastOwner.Code:           {status: http.StatusConflict, title: "Last owner"},
	chat.ErrLastAdmin.Code:           {status: http.StatusConflict, title: "Last admin"},
	chat.ErrInviteNotFound.Code:      {status: http.StatusNotFound, title: "Invite not found"},
	chat.ErrDeleted.Code:             {status: http.StatusConflict, title: "Deleted"},
	chat.ErrTooManyReactions.Code:    {status: http.StatusConflict, title: "Too many reactions"},
	chat.ErrPreconditionFailed.Code:  {status: http.StatusPreconditionFailed, title: "Precondition failed"},
	ErrTooLarge.Code:                 {status: http.StatusRequestEntityTooLarge, title: "Too large"},
	ErrUnsupportedMediaType.Code:     {status: http.StatusUnsupportedMediaType, title: "Unsupported media type"},
	ErrMisdirected.Code:              {status: http.StatusMisdirectedRequest, title: "Misdirected request"},
	chat.ErrIdempotencyMismatch.Code: {status: http.StatusUnprocessableEntity, title: "Idempotency mismatch"},
	chat.ErrRateLimited.Code:         {status: http.StatusTooManyRequests, title: "Too many requests", retryAfter: 1},
	ErrInternal.Code:                 {status: http.StatusInternalServerError, title: "Internal error"},
	chat.ErrUnavailable.Code:         {status: http.StatusServiceUnavailable, title: "Unavailable", retryAfter: 2},
	chat.ErrTooManyStreams.Code:      {status: http.StatusServiceUnavailable, title: "Too many streams", retryAfter: 15},
	chat.ErrBusy.Code:                {status: http.StatusServiceUnavailable, title: "Busy", retryAfter: 2},
}

// statusClientGone is what the log shows where nobody waited for the answer. It
// never reaches anybody.
const statusClientGone = 499

// refusal finds what a client may read of err. Whatever is no refusal of a known
// code is [ErrInternal], and its text stays inside.
func refusal(err error) *chat.Error {
	var refused *chat.Error
	switch {
	case errors.As(err, &refused):
		if _, known := kinds[refused.Code]; known {
			return refused
		}
	case errors.Is(err, context.DeadlineExceeded):
		return chat.ErrUnavailable
	}
	return ErrInternal
}

// ProblemOf is the document that tells of err: the one place where errors become
// answers. instance is the request's path without its query.
func ProblemOf(err error, instance, requestID string) Problem {
	refused := refusal(err)
	k := kinds[refused.Code]
	return Problem{
		Type:       "/problems/" + string(refused.Code),
		Title:      k.title,
		Status:     k.status,
		Detail:     refused.Detail,
		Instance:   instance,
		Code:       refused.Code,
		RequestID:  requestID,
		Errors:     refused.Fields,
		RetryAfter: k.retryAfter,
		Scope:      refused.Scope,
	}
}

// Problems answers, after the handlers, with the document of the last error that
// one of them left by c.Error, if nothing was written yet.
func Problems() gin.HandlerFunc {
	return func(c *gin.Context) {
		c.Next()
		if last := c.Errors.Last(); last != nil && !c.Writer.Written() {
			answer(c, last.Err)
		}
	}
}

// WriteProblem answers with the document of err at once and ends the chain of
// handlers. Where something was written before, nothing can be added; the error
// reaches the log all the same.
func WriteProblem(c *gin.Context, err error) {
	_ = c.Error(err)
	c.Abort()
	if !c.Writer.Written() {
		answer(c, err)
	}
}

func answer(c *gin.Context, err error) {
	// A client that has disconnected reads nothing, and a request that broke off
	// for that is no failure of the service.
	if errors.Is(err, context.Canceled) && c.Request.Context().Err() != nil {
		c.Status(statusClientGone)
		return
	}
	p := ProblemOf(err, At(c, c.Request.URL.EscapedPath()), RequestIDOf(c))
	header := c.Writer.Header()
	// Headers that a handler set for the answer that it did not give.
	for _, name := range []string{"Content-Length", "Content-Encoding", "ETag", "Last-Modified", "Link", "Location"} {
		header.Del(name)
	}
	header.Set("Content-Type", "application/problem+json")
	header.Set("Cache-Control", "no-store")
	if p.Status == http.StatusUnauthorized || p.Code == chat.ErrInsufficientScope.Code {
		header.Set("WWW-Authenticate", challenge(p))
	}
	var limited *rates.Refusal
	if errors.As(err, &limited) {
		limited.Describe(header)
	}
	if p.RetryAfter > 0 && header.Get("Retry-After") == "" {
		header.Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}
	c.Writer.WriteHeader(p.Status)
	_, _ = c.Writer.Write(p.body())
}

// challenge is RFC 6750 section 3. A description there is quoted ASCII, which
// every Detail of a refused credential is.
func challenge(p Problem) string {
	switch {
	case p.Code == chat.ErrInsufficientScope.Code && p.Scope == 0:
		return `Bearer realm="parley", error="insufficient_scope"`
	case p.Code == chat.ErrInsufficientScope.Code:
		return `Bearer realm="parley", error="insufficient_scope", scope="` + p.Scope.String() + `"`
	case !kinds[p.Code].challenge:
		return `Bearer realm="parley"`
	}
	return `Bearer realm="parley", error="invalid_token", error_description="` + p.Detail + `"`
}

// body is the document's JSON. Strings that a client sent may be part of it, so
// invalid UTF-8 is replaced and not refused.
func (p Problem) body() []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	// Encoding strings and numbers into memory cannot fail.
	_ = enc.Encode(p)
	return chat.EscapeLineEnds(b.Bytes())
}
