package repository

import (
	"testing"

	"parley/chat"
)

func TestAWritersLastBatchIsFoundAlsoBehindTheBatchesOfAnother(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r, other := s.open(t), s.open(t) // as a command writes beside the server
		ann := signUp(t, r, "ann")["ann"]
		makeChat(t, r, ann, "room", chat.Private, nil)
		last := map[*Repository]int64{r: r.writer.batch}
		for range 3 {
			for _, poster := range []*Repository{r, other, other, r, r} {
				say(t, poster, ann, "room", "hello")
				last[poster] = poster.writer.batch
				for _, asked := range []*Repository{r, other} {
					for batch, want := range map[int64]bool{last[asked]: true, last[asked] + 1: false} {
						got, err := asked.writer.wasCommitted(t.Context(), &transaction{batch: batch})
						if err != nil || got != want {
							t.Fatalf("batch %d of %d was committed: %v, %v", batch, last[asked], got, err)
						}
					}
				}
			}
		}
	})
}
