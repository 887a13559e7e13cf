// Package e2e holds the tests of the whole program: the built binary as a
// process, told stories by scripts, killed, frozen and started again; and the
// law of who may import whom.
//
// Everything that a process of the suite prints is kept and searched, when the
// tests have ended, for each secret and each text that the tests used.
package e2e
