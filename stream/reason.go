package stream

// reason is why a stream ended; most are the reason of its bye.
type reason string

const (
	reasonRotate   reason = "rotate"
	reasonShutdown reason = "shutdown"
	reasonExpired  reason = "expired"
	reasonRevoked  reason = "revoked"
	reasonLeft     reason = "left"
	reasonDeleted  reason = "deleted"
	reasonLimit    reason = "limit"
	reasonTimeout  reason = "timeout"
	// reasonSlow is a socket that stayed full; no bye fits into it.
	reasonSlow reason = "slow"
	// reasonGone is a client that went away; there is no connection left to tell it on.
	reasonGone reason = "gone"
	// reasonFailed is a fault of this program's own, which no client is told of.
	reasonFailed reason = "failed"
)

// hasBye says whether a last frame names the reason.
func (r reason) hasBye() bool {
	return r != reasonSlow && r != reasonGone && r != reasonFailed
}

// breaksOff says whether the response ends without HTTP's last chunk. What a
// client should survive must not look like an end: some stop for ever on a clean
// one.
func (r reason) breaksOff() bool {
	switch r {
	case reasonRotate, reasonShutdown, reasonSlow, reasonGone, reasonFailed:
		return true
	}
	return false
}
