package stream

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestABatchOfPostsWaitsForTheEventLoops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broker := New(newMemLog(), Options{})
		b := broker.backlog
		awaited := func() time.Duration {
			began := time.Now()
			broker.AwaitReaders()
			return time.Since(began)
		}
		step := func(readers int) {
			for range readers {
				b.stepped()
			}
		}
		b.add(int(b.little))
		expect(t, "little is left", awaited(), time.Duration(0))

		b.add(100)
		expect(t, "nothing is done", awaited(), maxAwait)

		go func() {
			time.Sleep(time.Millisecond)
			step(99)
			time.Sleep(time.Millisecond)
			step(1)
		}()
		expect(t, "it is done in time", awaited(), 2*time.Millisecond)

		b.add(100)
		step(100) // nobody waited
		b.add(100)
		expect(t, "what was done long ago", awaited(), maxAwait)
	})
}
