package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// wantedFlat is how many times as much a delivery may cost in the largest crowd as
// in one a tenth as large.
const wantedFlat = 1.3

// growth is one chat with more and more readers: parley, and all others too where
// it is to be drawn.
func (f *systems) growth(scale scale, all bool) *scenario {
	systems := f.parley[:1]
	if all {
		systems = slices.Concat(f.parley, []system{f.portable}, f.rivals)
	}
	s := &scenario{name: "1 chat with more and more readers, posting as fast as possible"}
	largest := slices.Max(scale.crowds)
	for _, readers := range scale.crowds {
		c := scale.workload(1, scale.fewer*readers, asFastAsPossible)
		for _, e := range entries(systems, c.lasts(), c.measureMemoryAndFanOut) {
			e.name = crowdName(e.name, readers)
			if !e.rival {
				e.targets = append(e.targets, nothingWrong)
			}
			if readers == largest && !e.rival {
				before := crowdName(strings.TrimSuffix(e.name, crowdName("", readers)), largest/10)
				e.targets = append(e.targets, below(wantedFlat, fmt.Sprintf("server ≤ %.1f times that with %d", wantedFlat, largest/10), serverTime,
					func(_ figures, of func(string) figures) float64 { return of(before)[serverTime] }))
			}
			s.entries = append(s.entries, e)
		}
	}
	s.pictures = func(r *results, _ []string) []picture { return drawGrowth(r, systems, scale.crowds) }
	return s
}

func crowdName(system string, readers int) string {
	return fmt.Sprintf("%s, %d readers", system, readers)
}

// drawGrowth draws what a delivery costs, and what a stream takes, against the
// number of readers.
func drawGrowth(r *results, systems []system, crowds []int) []picture {
	cost := picture{file: "cost.svg", title: "Processor time of the server for a delivery", x: "readers of one chat", y: "µs"}
	memory := picture{file: "memory.svg", title: "Memory of the server for a stream", x: "readers of one chat", y: "KB"}
	for _, on := range systems {
		costs, memories := curve{of: on.name}, curve{of: on.name}
		for _, readers := range crowds {
			f := r.of(crowdName(on.name, readers))
			costs.add(float64(readers), f[serverTime]/1000)
			memories.add(float64(readers), f[streamMemory]/1024)
		}
		cost.curves, memory.curves = append(cost.curves, costs), append(memory.curves, memories)
	}
	return []picture{cost, memory}
}

// measureMemoryAndFanOut is idle and then fanOut.
func (c workload) measureMemoryAndFanOut(ctx context.Context, on system) (f figures, l latencies, err error) {
	err = c.with(ctx, on, func(r *workloadRun) error {
		own, kernel, err := r.openAndMeasureMemory(ctx)
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
