package chat

// Session is a sign-in as its own user sees it.
type Session struct {
	ID string `json:"id"`
	// Current says that it is the one by which it was asked for.
	Current   bool `json:"current"`
	CreatedAt Time `json:"created_at"`
	// LastUsedAt is when its tokens were last renewed.
	LastUsedAt Time `json:"last_used_at"`
	// ExpiresAt is when it ends unless it is renewed before.
	ExpiresAt Time `json:"expires_at"`
	// UserAgent and Address are what the client said and where it was when it signed in.
	UserAgent string `json:"user_agent"`
	Address   string `json:"address"`
}

// MaxUserAgent is how much of a client's User-Agent is kept, in code points.
const MaxUserAgent = 256

// MaxSignIns is how many sign-ins of a user go on at once. One more ends the one that has
// been unused for longest, so that all of them can be ended at one position.
const MaxSignIns = 100
