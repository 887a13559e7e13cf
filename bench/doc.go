// Command bench measures what parley promises of its speed, and prints one
// table.
//
// It posts durably to either database, at several numbers of clients, spread
// over many chats and all into one, beside the plain way of doing it: a
// transaction for each request. It posts over HTTP, and says which share of the
// log's own speed arrives there. And it reads history and resumes streams on a
// small log and on a large one.
//
// Then it lets servers carry messages to those who follow chats: parley on each
// database, with every message committed before it is sent, and three that keep
// everything in memory. limit is the least that can be done with one write(2) for
// each message and reader; r3labs is the server of r3labs/sse under gin; socketio
// is a chat of Socket.IO, express and jsonwebtoken, which npm installs when it is
// first needed, and which is left out where there is no node. All get the same
// requests from the same posters, and carry the same message.
//
// The readers of all streams are a process of their own, the audience. Each text
// carries a stamp that says who posted it as how manieth and when; every reader
// holds every stamp against the one before, so that a message that is lost, comes
// twice or too late in its order shows, in the column "wrong", with every breach of
// the form of server-sent events that eight readers of each chat look for. The
// columns:
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
//
// Whoever posts as fast as possible posts again when he was acknowledged, as long
// as at most 1,000 messages are acknowledged and not seen by the slowest of eight
// readers of each chat. Loopback hands what is written to the reader's socket in the
// same system call, so the server's time has that of the reader's kernel in it, for
// all servers alike.
//
// What is compared is run in turns, parley, plain, parley, plain, and the median
// of each counts; of what is wrong, the sum. The databases are new ones, in the
// system's folder for temporary files (TMPDIR names another); PostgreSQL is the
// server named by PARLEY_TEST_POSTGRES, or else a throwaway cluster, whose commits
// are durable. Carrying is measured on Linux alone.
//
// Figures of one table can be compared with one another. Those of two machines
// cannot, nor those of a machine that has other work to do.
package main
