//go:build race

package repository

// many is how much of something an abuser has. The race detector makes SQLite ten times slower.
const many = 5_000
