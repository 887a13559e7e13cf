package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/lib/pq"

	"parley/repository/commitlog"
)

// These are codes of the server's errors (PostgreSQL manual, appendix A).
const (
	divisionByZero  = "22012"
	uniqueViolation = "23505"
)

// Outcome is what an error means for the transaction that it ended, or for a read.
func Outcome(err error) commitlog.Outcome {
	if errors.Is(err, context.DeadlineExceeded) {
		return commitlog.TimedOut
	}
	var refused *pq.Error
	if !errors.As(err, &refused) {
		// Of what can be wrong with a connection there is no list.
		return commitlog.ConnectionLost
	}
	switch {
	case refused.Code == "55P03": // lock_timeout
		return commitlog.Blocked
	case refused.Code == "57014", // statement_timeout
		refused.Code.Class() == "40": // rollback: deadlock
		return commitlog.TimedOut
	case ended(refused):
		return commitlog.ConnectionLost
	case refused.Code == "25P02": // a request took the failure of a statement for an answer
		return commitlog.Refused
	}
	switch refused.Code.Class() {
	case "22", "23": // data exception, integrity constraint violation
		return commitlog.Refused
	case "53", // insufficient resources: disk full, too many connections
		"55", // object not in prerequisite state
		"57", // operator intervention
		"58": // system error
		return commitlog.Unavailable
	}
	// A pooler, or a DISCARD ALL, may have taken the prepared statements away, and other
	// errors may tell of a connection that is no longer as it was made.
	return commitlog.ConnectionLost
}

// ended says that the server has ended the connection, or does not do as the primary.
func ended(refused *pq.Error) bool {
	switch refused.Code {
	case "25P03", // the transaction was ended for idling, because this process stood still
		"25006",                   // read-only: this server is no primary any more
		"57P01", "57P02", "57P03": // the server shuts down, has crashed, or is starting
		return true
	}
	return refused.Code.Class() == "08" && // connection exception
		refused.Code != "08P01" // a message that the server could not read
}

// Away says that an error of a read tells of the database, not of what was asked.
func Away(err error) bool {
	if errors.As(err, new(unconnected)) {
		return true
	}
	switch Outcome(err) {
	case commitlog.Blocked, commitlog.TimedOut, commitlog.Unavailable:
		return true
	case commitlog.ConnectionLost:
		var refused *pq.Error
		return commitlog.Lost(err) || unsent(err) || errors.As(err, &refused) && ended(refused)
	}
	return false
}

// unsent says that lib/pq could send no byte of a message. Its error for that has no
// exported type and wraps nothing.
func unsent(err error) bool {
	for ; err != nil; err = errors.Unwrap(err) {
		if fmt.Sprintf("%T", err) == "*pq.safeRetryError" {
			return true
		}
	}
	return false
}
