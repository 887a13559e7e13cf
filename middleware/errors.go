package middleware

import "parley/chat"

// The refusals that HTTP adds to those of [chat].
var (
	// ErrNoRoute answers for a path that leads nowhere.
	ErrNoRoute = chat.ErrNotFound
	// ErrUnauthenticated asks for a credential where none was sent.
	ErrUnauthenticated = &chat.Error{Code: "unauthenticated", Detail: "Send an access token: Authorization: Bearer <token>, or the cookie that a login sets."}
	// ErrInvalidToken refuses an access token without saying what is wrong with it.
	ErrInvalidToken = chat.ErrInvalidToken
	// ErrTokenInURL refuses a token in the query, where logs and histories keep it.
	ErrTokenInURL = &chat.Error{Code: "token_in_url", Detail: "A token does not belong into a URL, where logs keep it: send it as Authorization: Bearer <token>. Consider this one known to others."}
	// ErrForeignOrigin refuses what a page of another origin asks in the name of a
	// cookie.
	ErrForeignOrigin = &chat.Error{Code: "foreign_origin", Detail: "A page of another origin may not do this with a cookie."}
	// ErrSignupClosed refuses a sign-up where sign-up is closed.
	ErrSignupClosed = &chat.Error{Code: "signup_closed", Detail: "Sign-up is closed here: ask whoever runs this service."}
	// ErrMisdirected refuses what is for this machine alone to a request that names
	// another host.
	ErrMisdirected = &chat.Error{Code: "misdirected", Detail: "This is for this machine alone: ask for it at localhost or a loopback address, or at the host of an origin listed in --origins."}
	// ErrMethodNotAllowed refuses a method; the header Allow names the right ones.
	ErrMethodNotAllowed = &chat.Error{Code: "method_not_allowed", Detail: "This path does not take this method; the header Allow names those it takes."}
	// ErrNotAcceptable refuses an Accept of which nothing is offered.
	ErrNotAcceptable = &chat.Error{Code: "not_acceptable", Detail: "Nothing that the header Accept names is offered here."}
	// ErrTooLarge refuses a body for its size.
	ErrTooLarge = &chat.Error{Code: "too_large", Detail: "The body is too large."}
	// ErrBrokenBody refuses a body that ended before its end or came too slowly.
	ErrBrokenBody = &chat.Error{Code: "broken_body", Detail: "The body did not arrive whole."}
	// ErrUnsupportedMediaType refuses a body for its type.
	ErrUnsupportedMediaType = &chat.Error{Code: "unsupported_media_type", Detail: "This type of body is not taken here: send Content-Type: application/json."}
	// ErrInternal is what a client reads of every error that is no refusal.
	ErrInternal = &chat.Error{Code: "internal", Detail: "Something went wrong here. The request_id finds it in the log."}
)
