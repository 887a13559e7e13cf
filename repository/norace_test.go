//go:build !race

package repository

// many is how much of something an abuser has.
const many = 30_000
