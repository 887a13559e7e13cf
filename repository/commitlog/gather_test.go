package commitlog

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"testing"
)

// On one processor the callers run one after another, each until it waits.
func TestACallerThatLeadsTakesWhatOthersAreAboutToQueue(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var batches []int // written by one goroutine at a time
	ls := startLogWith(t, new(memory), []LaneOptions[work]{{CallersLead: true}}, func(_, claimed int) { batches = append(batches, claimed) })
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := ls[0].Do(context.Background(), func() error { return nil }); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if want := []int{8}; !slices.Equal(batches, want) {
		t.Errorf("the transactions held %v requests, want %v", batches, want)
	}
}

func TestABatchTakesWhatIsQueuedWhileItIsHeld(t *testing.T) {
	t.Parallel()
	for name, callersLead := range map[string]bool{"a caller leads": true, "the log's own goroutine leads": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			held, goOn := make(chan struct{}, 10), make(chan struct{})
			var batches []int // written by one goroutine at a time
			ls := startLogWith(t, new(memory), []LaneOptions[work]{{CallersLead: callersLead, Await: func() {
				held <- struct{}{}
				<-goOn
			}}}, func(_, claimed int) { batches = append(batches, claimed) })
			var all sync.WaitGroup
			enqueue(t, ls[0], 1, func() error { return nil }, &all)
			<-held
			all.Go(func() {
				if err := ls[0].Do(context.Background(), func() error { return nil }); err != nil {
					t.Error(err)
				}
			})
			for ls[0].Waiting() < 2 {
				runtime.Gosched()
			}
			close(goOn)
			all.Wait()
			if want := []int{2}; !slices.Equal(batches, want) {
				t.Errorf("the transactions held %v requests, want %v", batches, want)
			}
			if n := len(held); n != 0 {
				t.Errorf("an empty queue was waited for, %d times", n)
			}
		})
	}
}
