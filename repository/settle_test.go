package repository

import (
	"log/slog"
	"strings"
	"testing"

	"parley/chat"
	"parley/repository/commitlog"
	"parley/repository/postgres"
	"parley/repository/sqlite"
)

// connectBeside opens a log's connection that no log has.
func (s *store) connectBeside(t testing.TB, d *dialect) *conn {
	t.Helper()
	beside := &Repository{dialect: d}
	if path, ok := strings.CutPrefix(s.url, "sqlite:"); ok {
		pools, err := sqlite.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		beside.writing = pools.Writing
		beside.file = &sqliteFile{guard: sqlite.NewGuard(path, slog.Default())}
	} else {
		pools, err := postgres.Open(s.url, slog.Default(), func() {})
		if err != nil {
			t.Fatal(err)
		}
		beside.writing = pools.Writing
	}
	c, err := connect(t.Context(), beside)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		beside.writing.Close()
	})
	return c
}

func TestAWritersLastBatchIsFoundAlsoBehindTheBatchesOfAnother(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *store) {
		r, other := s.open(t), s.open(t) // as a command writes beside the server
		ann := signUp(t, r, "ann")["ann"]
		makeChat(t, r, ann, "room", chat.Private, nil)
		c := s.connectBeside(t, r.dialect)
		last := map[*Repository]int64{r: number(t, r, `SELECT batch FROM head`)}
		for range 3 {
			for _, poster := range []*Repository{r, other, other, r, r} {
				say(t, poster, ann, "room", "hello")
				last[poster] = number(t, r, `SELECT batch FROM head`)
				for _, asked := range []*Repository{r, other} {
					for batch, want := range map[int64]bool{last[asked]: true, last[asked] + 1: false} {
						of := &commitlog.Tx{Writer: asked.log.Writer, Batch: batch}
						got, o, err := commitlog.WasCommitted(t.Context(), c, of, &commitlog.Tx{})
						// Before its first batch a writer has none.
						if err != nil || o != commitlog.Unchanged || got != want && last[asked] > 0 {
							t.Fatalf("batch %d of %d was committed: %v, %v, %v", batch, last[asked], got, o, err)
						}
						if err := c.Rollback(t.Context()); err != nil {
							t.Fatal(err)
						}
					}
				}
			}
		}
	})
}
