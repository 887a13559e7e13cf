package main

import (
	"context"
	"fmt"
)

// crowds are the numbers of readers that are compared.
var crowds = []int{10, 100, 1000, 10_000}

// wantedFlat is how many times as much a delivery may cost in the largest crowd as
// in the one before.
const wantedFlat = 1.3

// growth is one chat with more and more readers.
func (f *field) growth(scale scale) *scenario {
	s := &scenario{name: "1 chat with more and more readers, posting as fast as possible"}
	for _, readers := range crowds {
		s.entries = append(s.entries, f.crowd(scale, readers)...)
	}
	largest := &s.entries[len(s.entries)-1]
	before := s.entries[len(s.entries)-2].name
	largest.wanted = append(largest.wanted, below(fmt.Sprintf("server ≤ %.1f times that with %d", wantedFlat, crowds[len(crowds)-2]),
		serverTime, func(_ figures, of func(string) figures) float64 { return wantedFlat * of(before)[serverTime] }))
	return s
}

// crowd is so many readers of one chat.
func (f *field) crowd(scale scale, readers int) []entry {
	c := scale.carriage(1, readers*scale.fewer, asFastAsPossible)
	if scale.fewer > 1 {
		c.readers = min(readers, 1000)
	}
	var all []entry
	for _, e := range entries(f.fast[:1], c.lasts(), c.weighAndCarry, nothingWrong) {
		e.name = crowdName(e.name, readers)
		all = append(all, e)
	}
	return all
}

func crowdName(carrier string, readers int) string {
	return fmt.Sprintf("%s, %d readers", carrier, readers)
}

// weighAndCarry is rest and then carry.
func (c carriage) weighAndCarry(ctx context.Context, by carrier) (f figures, l latencies, err error) {
	err = c.with(ctx, by, func(r *carrying) error {
		own, kernel, err := r.openAndWeigh(ctx)
		if err != nil {
			return err
		}
		if err := r.connect(ctx); err != nil {
			return err
		}
		f, l, err = r.post(ctx)
		f[streamMemory], f[kernelShare] = own, kernel
		return err
	})
	return f, l, err
}
