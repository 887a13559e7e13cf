package main

import (
	"math/bits"
	"time"
)

// latencies counts how often something took how long, to within one part in 128.
type latencies []uint64

const (
	// fineness is the number of bits of a time, in microseconds, that count.
	fineness = 7
	// buckets is enough for any time that is not negative.
	buckets = (64 - fineness) << fineness
)

// add counts one time. What is negative, because clocks are read at different
// times, took no time.
func (l latencies) add(micros int64) { l[bucket(uint64(max(micros, 0)))]++ }

func bucket(v uint64) int {
	shift := max(bits.Len64(v)-fineness-1, 0)
	return shift<<fineness + int(v>>shift)
}

// value is the least time that falls into a bucket.
func value(bucket int) time.Duration {
	shift := max(bucket>>fineness-1, 0)
	return time.Duration(bucket-shift<<fineness) << shift * time.Microsecond
}

// since is what was counted after before.
func (l latencies) since(before latencies) latencies {
	d := make(latencies, len(l))
	for i := range l {
		d[i] = l[i] - before[i]
	}
	return d
}

// plus adds what others counted; a nil l has counted nothing.
func (l latencies) plus(m latencies) latencies {
	sum := make(latencies, buckets)
	for _, counted := range []latencies{l, m} {
		for i, n := range counted {
			sum[i] += n
		}
	}
	return sum
}

func (l latencies) count() (n uint64) {
	for _, c := range l {
		n += c
	}
	return n
}

// within is the time within which this part was done; 0 of none.
func (l latencies) within(part float64) time.Duration {
	left := uint64(part * float64(l.count()))
	for i, n := range l {
		if n > left {
			return value(i)
		}
		left -= n
	}
	return 0
}
