package chat

// User is an account. A username never changes and is never given to another
// user, not even after its own is disabled.
type User struct {
	Username    string `json:"username"`
	DisplayName string `json:"display_name"`
	// Admin says that the user administers the service.
	Admin bool `json:"admin"`
	// Bot says that the user is a script's: it has no password, and an admin makes its tokens.
	Bot       bool `json:"bot"`
	Disabled  bool `json:"disabled"`
	CreatedAt Time `json:"created_at"`
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
