package main

import "time"

// scale is how large and how long everything is.
type scale struct {
	clients []int
	// turns is how often each of two ways is run.
	turns      int
	warm, time time.Duration
	// posters is what is in a database that is posted to.
	posters seed
	// held is about how many messages there are in a database before it is measured:
	// a new one is fast in all things.
	held int
	// readers are the small log and the large one.
	readers [2]seed
	// reads is how often each thing is read in each log.
	reads int
	// seeding and seedingReaders are about how long it takes to fill the databases.
	seeding, seedingReaders time.Duration
	// turnsStreams is how often each server carries messages, for warmStreams and
	// then timeStreams, to a part of the readers: fewer is 1 for all of them.
	turnsStreams             int
	warmStreams, timeStreams time.Duration
	fewer                    int
	// crowds are the numbers of readers of one chat that are compared, each ten times
	// the one before.
	crowds []int
}

// messagesOf is how many of the messages that are held so many chats have together.
func (s scale) messagesOf(chats int) int { return max(s.held/chats, 1) * chats }

func (s scale) load(clients int) load { return load{clients: clients, warm: s.warm, time: s.time} }

// full is the scale whose figures count, with so many messages in the large log.
func full(passwordHash string, messages int) scale {
	const held = 50_000
	return scale{
		clients: []int{1, 8, 64, 256}, turns: 5, warm: 400 * time.Millisecond, time: 1600 * time.Millisecond,
		posters: seed{people: 16, chats: 1000, messages: held, passwordHash: passwordHash}, held: held,
		readers: [2]seed{
			{people: 16, chats: 10, messages: 10_000, passwordHash: passwordHash},
			{people: 16, chats: 10, messages: messages, passwordHash: passwordHash},
		},
		reads:   300,
		seeding: 2 * time.Second, seedingReaders: time.Duration(messages) * 40 * time.Microsecond,
		turnsStreams: 3, warmStreams: time.Second, timeStreams: 4 * time.Second, fewer: 1, crowds: []int{10, 100, 1000, 10_000},
	}
}

// quick is the scale that shows that everything works. Its figures say nothing.
func quick(passwordHash string) scale {
	s := full(passwordHash, 1_000_000)
	s.clients, s.turns, s.warm, s.time = []int{1, 64}, 1, 50*time.Millisecond, 200*time.Millisecond
	s.posters.chats, s.posters.messages, s.held = 20, 2_000, 2_000
	s.readers[0].messages, s.readers[1].messages = 2_000, 20_000
	s.reads = 20
	s.seeding, s.seedingReaders = time.Second, 4*time.Second
	s.turnsStreams, s.warmStreams, s.timeStreams, s.fewer = 1, 100*time.Millisecond, 300*time.Millisecond, 10
	s.crowds = []int{10, 100, 1000}
	return s
}
