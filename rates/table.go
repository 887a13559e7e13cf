package rates

import (
	"container/heap"
	"hash/maphash"
	"time"
)

// maxBuckets bounds how many keys a table tells apart, each of some 100 bytes.
const maxBuckets = 1 << 15

// bucket is what is remembered of a key.
type bucket struct {
	key uint64
	// until is when the bucket is as good as none.
	until time.Duration
	// failures are counted by [SignIns] alone.
	failures float64
	// place is where the bucket stands in the queue.
	place int
}

// table remembers something of a bounded number of keys. Where a new key finds no room, it takes
// over the bucket that is forgotten first, as it is. Therefore no key escapes what was counted
// of it: until then the table has held nothing that is forgotten earlier, so the key finds at
// least what it had when its bucket was taken over. (For counters this is the algorithm
// Space-Saving.) A bucket that was forgotten already is the usual one to be taken over, and
// weighs nothing; others are only when maxBuckets keys are in use at the same time, and then
// it is the one that weighs least. Where a count is taken back, its bucket may become as good as none
// before its time; to gain a fresh start by that takes maxBuckets keys in use each time.
//
// A key is known by its hash under a seed of this process, so that nobody can choose
// keys that collide.
type table struct {
	// start is what the table's time is counted from, by a clock that is never set.
	start   time.Time
	seed    maphash.Seed
	size    int
	buckets map[uint64]*bucket
	queue   queue
}

func newTable(size int) table {
	return table{start: time.Now(), seed: maphash.MakeSeed(), size: size, buckets: make(map[uint64]*bucket)}
}

func (t *table) now() time.Duration { return time.Since(t.start) }

// find finds a key's bucket, or makes one. A caller that changes its until calls moved.
func (t *table) find(key string) *bucket {
	hash := maphash.String(t.seed, key)
	b := t.buckets[hash]
	switch {
	case b != nil:
		return b
	case len(t.queue) < t.size:
		b = &bucket{key: hash}
		heap.Push(&t.queue, b)
	default:
		b = t.queue[0]
		delete(t.buckets, b.key)
		b.key = hash
	}
	t.buckets[hash] = b
	return b
}

// known finds a key's bucket, if it has one.
func (t *table) known(key string) *bucket { return t.buckets[maphash.String(t.seed, key)] }

func (t *table) moved(b *bucket) { heap.Fix(&t.queue, b.place) }

// queue is a heap of all buckets; the first is forgotten first.
type queue []*bucket

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].until < q[j].until }
func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].place, q[j].place = i, j
}

func (q *queue) Push(x any) {
	b := x.(*bucket)
	b.place = len(*q)
	*q = append(*q, b)
}

// Pop is never called: a bucket is taken over and never taken out.
func (q *queue) Pop() any { panic("a bucket was taken out") }
