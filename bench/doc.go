// Command bench measures what parley promises of its speed, and prints one
// table.
//
// It posts durably to either database, with and without keys, at several numbers of
// clients, spread over many chats and all into one, beside the plain way of doing it:
// a transaction for each request. It posts over HTTP and says which share of the log's
// own speed arrives there. It reads history and resumes streams in a small log and in
// a large one. It asks a service that keeps very many sessions and script tokens what it
// asks a fresh one (the section "sessions"), and checks a token that was used before, one
// of each kind (the section "checking"). Databases that are posted to hold messages
// before: an empty one is fast in all things.
//
// Systems then carry messages to readers (the sections "Streams"): parley on each
// database, with every message committed before it is sent, and three rivals that keep
// everything in memory. limit is the least that can be done with one write(2) for each
// message and reader; r3labs is the server of r3labs/sse under gin; socketio is a chat
// of Socket.IO, express and jsonwebtoken, which npm installs when it is first needed,
// and which is left out where there is no node. All systems get the same requests from
// the same posters and carry the same message. Ratios to r3labs in the same run come
// before all else that was measured.
//
// Heavy users then work beside strangers (the sections "Neighbours"). What the strangers
// get is measured twice on the same server, alone and beside the heavy user, and the
// ratio comes first: "posts p99 ×" is how many times as long a post takes, "rate ×" which
// part of the posts a second is kept. Strangers send their requests at a fixed rate, and
// the time of each counts from when it was due, so a server that stands still shows in
// every request that waits behind it. Entries named "instead" let the heavy user send
// ordinary requests as fast as it can. They show how much of the ratio is the
// processors', which everything shares here.
//
// Signals then go to streams (the sections "Signals"). A thousand people type in a chat beside
// the same chat without them, and people come to a chat and go. Frames are counted with the
// times at which they came; a reader is promised one of each kind a second at most.
//
// Several instances then share a PostgreSQL (the sections "Instances"). A message is timed
// to a stream of another instance and to one of the same, over each bus; and as many
// messages as can be are posted on one, two and four instances, with a bus and without.
//
// All readers of the streams are one process, the audience. Each text carries a stamp
// with its poster, its number and its time. Every reader compares each stamp with the one
// before it, so a message that is lost, repeated or out of order shows in the column
// "wrong". So does every breach of the format of server-sent events, for which eight
// readers of each chat check all bytes. The columns:
//
//	deliveries/s    messages that arrived, each once for each reader
//	server          processor time of the server for a delivery, user and system
//	database        that of PostgreSQL's processes; SQLite is in the server
//	readers         that of the audience
//	p50, p99        from posting to delivery
//	post p50, p99   from posting to acknowledgement
//	a stream        how much the server's memory (RSS) grew for each stream, its
//	                garbage collected before and after
//	kernel          what the server's side of each socket holds (skmem of ss(8))
//	wire            bytes of a delivery
//	refused         requests that were answered 503 or 429
//	refused and done  those that took effect all the same
//
// A poster that posts as fast as possible posts again when its last message was
// acknowledged, as long as at most 1,000 messages are acknowledged and not yet delivered
// to the slowest of eight readers of each chat. Loopback hands what is written to the
// reader's socket in the same system call, so the server's time includes that of the
// reader's kernel, for all systems alike.
//
// What is compared is run in turns, parley, plain, parley, plain, and the median of each
// counts; of mistakes, the sum. The databases are new ones, in the system's folder for
// temporary files (TMPDIR names another). PostgreSQL is the server named by
// PARLEY_TEST_POSTGRES, or else a throwaway cluster, whose commits are durable. Streams
// and neighbours are measured on Linux alone.
//
// Figures of one table can be compared with one another. Those of two machines
// cannot, nor those of a machine that has other work to do.
package main
