package chat

// User is an account. A username never changes and is never given to another
// user, not even after its own is disabled.
type User struct {
	Username    string `json:"username"`
	DisplayName string `json:"display_name"`
	CreatedAt   Time   `json:"created_at"`
}

// Actor is the user on whose behalf a request is made. It comes from a verified
// token and from nothing else in the request.
type Actor struct {
	// Username is the token's subject, and so the author of what is posted.
	Username string
	// Session is the sign-in that the token belongs to. When it ends, everything
	// asked in its name is refused with [ErrSessionEnded].
	Session string
	// Issued is when the token was made, and Expires when it ends.
	Issued, Expires Time
}

// Login is the answer to a login and to a refresh. With cookies, both tokens are
// in them and absent here.
type Login struct {
	Token            string `json:"token,omitzero"`
	TokenType        string `json:"token_type,omitzero"`
	ExpiresAt        Time   `json:"expires_at"`
	RefreshToken     string `json:"refresh_token,omitzero"`
	RefreshExpiresAt Time   `json:"refresh_expires_at"`
	User             User   `json:"user"`
}
