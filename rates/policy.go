package rates

import (
	"net/http"
	"time"
)

// Policy is what requests of one kind are limited by.
type Policy struct {
	// ByUser and ByAddress limit each user and each address; nil is no limit.
	ByUser, ByAddress *Meter
}

// Limits says whether there is anything to be held.
func (p Policy) Limits() bool { return p.ByUser != nil || p.ByAddress != nil }

// Take counts a request and describes in the answer's header where its user and its address stand;
// either is empty where it is unknown. A [*Refusal] where one of them has no more.
func (p Policy) Take(h http.Header, user, address string) error {
	byUser := p.ByUser.Take(user)
	if err := byUser.Err(); err != nil {
		return err
	}
	byAddress := p.ByAddress.Take(address)
	if err := byAddress.Err(); err != nil {
		p.ByUser.Return(user)
		return err
	}
	byUser.Describe(h)
	byAddress.Describe(h)
	return nil
}

// Return takes back the count of a request.
func (p Policy) Return(user, address string) {
	p.ByUser.Return(user)
	p.ByAddress.Return(address)
}

// Settings are the rates that can be set.
type Settings struct {
	// Posts and Streams are those of one user, in a second.
	Posts, Streams int
	// SignIns are the wrong passwords that come from one address, in a minute.
	SignIns int
	// SignUps are those of one address, in an hour.
	SignUps int

	// StreamsOfUser and StreamsOfAddress are how many streams may be open at once. After an
	// outage all of them come back together.
	StreamsOfUser, StreamsOfAddress int
}

// Policies are all that is limited by rate. The zero value limits nothing.
type Policies struct {
	SignUps, Refreshes, Posts, Typing, Presence, Streams Policy
	// Tickets and Invites count those that are wrong.
	Tickets, Invites Policy
	// Sessions limits the refreshes of each session.
	Sessions *Meter
	SignIns  *SignIns
}

// NewPolicies makes the policies of an instance that gives its share of them.
func NewPolicies(s Settings, share *Share) Policies {
	meter := func(name string, quota int, window time.Duration) *Meter {
		return NewMeter(Limit{name, quota, window}, share)
	}
	streams := func(name string, open, rate int) *Meter {
		window := 20 + 2*open/rate
		return meter(name, window*rate, time.Duration(window)*time.Second)
	}
	return Policies{
		SignUps:   Policy{ByAddress: meter("sign-ups", s.SignUps, time.Hour)},
		Refreshes: Policy{ByAddress: meter("refreshes", 600, time.Minute)},
		Posts:     Policy{ByUser: meter("posts", 20*s.Posts, 20*time.Second)},
		Typing:    Policy{ByUser: meter("typing", 20*s.Posts, 20*time.Second)},
		Presence:  Policy{ByUser: meter("presence", 600, time.Minute)},
		Streams: Policy{
			ByUser:    streams("streams", s.StreamsOfUser, s.Streams),
			ByAddress: streams("streams-of-address", s.StreamsOfAddress, 5*s.Streams),
		},
		Tickets: Policy{ByAddress: meter("tickets", 60, time.Minute)},
		Invites: Policy{
			ByUser:    meter("invites", 20, 10*time.Minute),
			ByAddress: meter("invites-of-address", 20, 10*time.Minute),
		},
		Sessions: meter("refreshes-of-session", 120, time.Minute),
		SignIns: newSignIns(share,
			meter("sign-ins-of-address", 3*s.SignIns, 3*time.Minute),
			meter("sign-ins-of-account", 30*s.SignIns, 150*time.Minute)),
	}
}
