// Package server is the program as a value: its settings and their check, and a
// server that can be opened, served and drained. It ties together what the other
// packages are.
//
// [Open] does everything that can fail at a start: when it returns, the address
// is taken, the database is open and up to date, and its errors are each one line
// that names the setting and the cure. [Server.Serve] then answers until its
// context ends, and drains: readiness is withdrawn, nothing new is accepted,
// streams are told to come back elsewhere, requests are finished, and the
// database is closed, within 15 s.
package server
