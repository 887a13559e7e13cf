package server

import (
	"strconv"

	"parley/stream"
)

// streamLimits reads how many streams there may be. --limits off lifts all of them.
func (r *reading) streamLimits(s Settings) stream.Limits {
	l := stream.Limits{
		PerUser:    r.number("max-streams-per-user", s.MaxStreamsPerUser, 1, maxStreams),
		PerAddress: r.number("max-streams-per-address", s.MaxStreamsPerAddress, 1, maxStreams),
		Total:      defaultStreams(),
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

// maxChats reads how many chats a user may be in.
func (r *reading) maxChats(s Settings) int {
	n := r.number("max-chats-per-user", s.MaxChatsPerUser, 1, 1_000_000)
	if s.Limits == "off" {
		return 0
	}
	return n
}

// maxStreams is more than one process has descriptors for.
const maxStreams = 10_000_000

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
