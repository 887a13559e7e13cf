//go:build !linux

package ephemeral

// memory is the folder in memory that places are made in; empty is the system's for
// temporary files.
func memory() string { return "" }
