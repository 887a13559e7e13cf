// Package natsbus carries hints between instances over NATS: it implements stream.Bus. What
// was committed travels as a whole, so instances need not read it from the database. Core
// NATS is enough: the log is in the database, and what a message was lost of is read there.
package natsbus
