package server

import (
	"strconv"

	"parley/rates"
	"parley/stream"
)

// streamLimits reads how many streams there may be. --limits off lifts all of them.
func (r *reading) streamLimits(s Settings) stream.Limits {
	l := stream.Limits{
		PerUser:    r.number("max-streams-per-user", s.MaxStreamsPerUser, 1, maxStreams),
		PerAddress: r.number("max-streams-per-address", s.MaxStreamsPerAddress, 1, maxStreams),
		Total:      defaultStreams(),

		Subscriptions: maxSubscriptions,
	}
	if s.MaxStreams != "" {
		l.Total = r.number("max-streams", s.MaxStreams, 1, maxStreams)
	}
	switch s.Limits {
	case "on":
	case "off":
		l = stream.Limits{}
	default:
		r.mistake("limits", "%q is neither on nor off", s.Limits)
	}
	return l
}

// maxConns reads how many connections may be open. By default an eighth of the
// process's descriptors is left to the database and to the files, and another one, which
// streams do not get, to requests.
func (r *reading) maxConns(s Settings) int {
	most := descriptors() / 8 * 7
	if s.MaxConnections != "" {
		most = r.number("max-connections", s.MaxConnections, 1, maxStreams)
	}
	if s.Limits == "off" {
		return 0
	}
	return most
}

// maxChats reads how many chats a user may be in.
func (r *reading) maxChats(s Settings) int {
	n := r.number("max-chats-per-user", s.MaxChatsPerUser, 1, 1_000_000)
	if s.Limits == "off" {
		return 0
	}
	return n
}

// maxRate is beyond what one process serves.
const maxRate = 1_000_000

// rates reads what is limited by rate.
func (r *reading) rates(s Settings, streams stream.Limits) *rates.Settings {
	settings := &rates.Settings{
		Posts:            r.number("post-rate", s.PostRate, 1, maxRate),
		Streams:          r.number("stream-rate", s.StreamRate, 1, maxRate),
		SignIns:          r.number("login-rate", s.LoginRate, 1, maxRate),
		SignUps:          r.number("signup-rate", s.SignupRate, 1, maxRate),
		StreamsOfUser:    streams.PerUser,
		StreamsOfAddress: streams.PerAddress,
	}
	if s.Limits == "off" {
		return nil
	}
	return settings
}

// policies are what this server limits by rate, of which it gives its share.
func (p plan) policies(share *rates.Share) rates.Policies {
	if p.rates == nil {
		return rates.Policies{}
	}
	return rates.NewPolicies(*p.rates, share)
}

// maxStreams is more than one process has descriptors for.
const maxStreams = 10_000_000

// maxSubscriptions bounds what streams over all chats take of memory, at some 90 bytes
// for each chat that one of them follows.
const maxSubscriptions = 1_000_000

// defaultStreams leaves a fourth of the process's descriptors to requests, to the
// database and to the files: a server that has none left cannot even refuse.
func defaultStreams() int {
	if n := descriptors(); n > 0 {
		return n / 4 * 3
	}
	return 10_000
}

func (r *reading) number(setting, s string, least, most int) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < least || n > most {
		r.mistake(setting, "%q is out of bounds: take a number from %d to %d", s, least, most)
	}
	return n
}
