package stream

import "container/heap"

// The budget is one for all rooms. Frames go in the order of their age over all
// rooms: first those that every reader served from their room has passed, so that quiet rooms
// cannot starve a busy one; then those that a reader has yet to take, which costs
// it a read of the log; last the newest batch of each room.

// rank is how dearly the oldest frame of a room is kept.
type rank int8

const (
	// rankPassed is that of a frame that no reader needs, or that has yet to be found out.
	rankPassed rank = iota
	// rankLate is that of a frame that a reader has yet to take.
	rankLate
	// rankNewest is that of a frame of the room's newest batch.
	rankNewest
)

// firstRank is the rank of the room's oldest frame before its readers are looked at.
func (ro *room) firstRank() rank {
	if ro.oldest() >= ro.batch {
		return rankNewest
	}
	return rankPassed
}

// shrink evicts until memory is within its total. Segments go before what a reader
// has yet to take, the least recently used first, and before all else while they are
// more than half.
func (m *memory) shrink() {
	for m.bytes() > m.total {
		ro := m.oldest()
		p := m.leastUsed()
		switch {
		case p != nil && (m.segmentBytes > m.total/2 || ro == nil || ro.rank != rankPassed):
			m.forget(p)
		case ro != nil:
			m.scarce = m.scarce || ro.rank != rankPassed
			m.evict(ro)
		default:
			return
		}
	}
}

// oldest is the room whose oldest frame goes next; nil if there is no frame.
func (m *memory) oldest() *room {
	for len(m.byAge) > 0 {
		ro := m.byAge[0]
		if ro.rank != rankPassed || ro.passedBy(ro.oldest()) {
			return ro
		}
		// It stays so until the room grows or its readers are looked at anew, so that
		// no apply looks at the readers of rooms in which nothing happened.
		ro.rank = rankLate
		heap.Fix(&m.byAge, 0)
	}
	return nil
}

// evict drops the room's oldest frame.
func (m *memory) evict(ro *room) {
	ro.evict()
	switch {
	case len(ro.frames) == 0:
		heap.Remove(&m.byAge, ro.index)
	default:
		ro.rank = max(ro.rank, ro.firstRank())
		heap.Fix(&m.byAge, ro.index)
	}
}

// file puts a room that grew at its place in the order of eviction.
func (m *memory) file(ro *room) {
	if len(ro.frames) == 0 { // a jump behind them has left them out
		return
	}
	ro.rank = ro.firstRank()
	if ro.index < 0 {
		heap.Push(&m.byAge, ro)
	} else {
		heap.Fix(&m.byAge, ro.index)
	}
}

// roomsByAge is a heap ([heap.Interface]): on top is the room whose oldest frame goes
// first.
type roomsByAge []*room

func (rs roomsByAge) Len() int { return len(rs) }

func (rs roomsByAge) Less(i, j int) bool {
	if rs[i].rank != rs[j].rank {
		return rs[i].rank < rs[j].rank
	}
	return rs[i].oldest() < rs[j].oldest()
}

func (rs roomsByAge) Swap(i, j int) {
	rs[i], rs[j] = rs[j], rs[i]
	rs[i].index, rs[j].index = i, j
}

func (rs *roomsByAge) Push(ro any) {
	*rs = append(*rs, ro.(*room))
	(*rs)[len(*rs)-1].index = len(*rs) - 1
}

func (rs *roomsByAge) Pop() any {
	last := len(*rs) - 1
	ro := (*rs)[last]
	(*rs)[last] = nil
	*rs = (*rs)[:last]
	ro.index = -1
	return ro
}
