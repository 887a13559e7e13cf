// Package history judges a run. It holds the record of what clients sent, were
// answered and were shown, and checks it against the log read back from the
// database. It knows nothing of the program that it judges but its contract.
package history
