// Package middleware is what every request passes before and after its
// handler: its id, its line in the log, who is asking, from which page, how much
// it may send, and the one writer of problem documents.
//
// In a router they stand in this order, the first outermost:
//
//	Forwarded   what a trusted proxy says of the request
//	RequestID   its id
//	AccessLog   its line in the log, whatever happens below
//	Problems    the document of an error that a handler left in gin's context
//	Recovery    the error of a panic
//	Unannounced a warning of a proxy that nobody named
//	CORS        the headers for listed origins, and their preflights
//	NoTokenInURL, LimitBody
//	Authenticate, Guard   on the routes that need an actor
//
// A handler answers a failure by c.Error(err) and return; what the client reads
// is decided in [ProblemOf] alone. No line of the log holds a token, a cookie, a
// password, a query or a value out of a path.
package middleware
