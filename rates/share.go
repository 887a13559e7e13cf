package rates

import "sync/atomic"

// Share is the part of every limit that this instance gives, of those that serve one database. Of n
// it is 2/n, and all of it while there are no more than two. So all instances together give
// at most twice a limit, whichever of them a client asks, and a client whose requests are spread
// evenly over them gets no less than the limit. The zero value is that of a single instance.
//
// It may be set and read by many goroutines at once.
type Share struct{ instances atomic.Int64 }

// Among says how many instances there are, this one included.
func (s *Share) Among(instances int) { s.instances.Store(int64(instances)) }

// divisor is what a limit is divided by.
func (s *Share) divisor() float64 { return max(1, float64(s.instances.Load())/2) }
