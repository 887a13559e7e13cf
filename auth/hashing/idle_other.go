//go:build !linux

package hashing

// idleAll does nothing: it is done on Linux alone.
func idleAll() {}

// idle does nothing either.
func idle(int) {}
