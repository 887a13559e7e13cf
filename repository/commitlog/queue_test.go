package commitlog

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// queueOf is a queue of texts, each of the party that its first letter names.
func queueOf(t *testing.T, requests int, texts ...string) *queue[string] {
	t.Helper()
	q := newQueue(Limits[string]{Requests: requests, Party: func(text string) string { return text[:1] }})
	for _, text := range texts {
		if err := q.add(newRequest(text)); err != nil {
			t.Fatal(err)
		}
	}
	return q
}

func worksOf(requests []*Request[string]) string {
	var works []string
	for _, req := range requests {
		works = append(works, req.Work)
	}
	return strings.Join(works, " ")
}

func TestPartiesTakeTurnsInABatch(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		queue []string
		want  []string // the batches
	}{
		"a stranger behind many":           {[]string{"a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8", "a9", "b1"}, []string{"a1 b1 a2 a3 a4 a5 a6 a7", "a8 a9"}},
		"nobody else":                      {[]string{"a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8", "a9"}, []string{"a1 a2 a3 a4 a5 a6 a7 a8", "a9"}},
		"two with many, and their part":    {[]string{"a1", "a2", "a3", "b1", "b2", "b3", "c1", "d1", "e1"}, []string{"a1 b1 c1 d1 e1 a2 b2 a3", "b3"}},
		"more parties than fit in a batch": {[]string{"a1", "a2", "b1", "c1", "d1", "e1", "f1", "g1", "h1", "i1"}, []string{"a1 b1 c1 d1 e1 f1 g1 h1", "a2 i1"}},
	} {
		q := queueOf(t, 8, c.queue...)
		var got []string
		for batch := q.take(nil); len(batch) > 0; batch = q.take(nil) {
			got = append(got, worksOf(batch))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: the batches are %q, want %q", name, got, c.want)
		}
		if len(q.parties) != 0 {
			t.Errorf("%s: %v is left of an empty queue", name, q.parties)
		}
	}
}

func TestABatchThatIsFilledUpHeedsWhatEachPartyHas(t *testing.T) {
	t.Parallel()
	q := queueOf(t, 4, "a2", "b1", "c1", "d1")
	if got := worksOf(q.take([]*Request[string]{newRequest("a1")})); got != "a1 b1 c1 d1" {
		t.Errorf("the batch is %q", got)
	}
}

func TestARequestThatIsToBeAloneStaysAlone(t *testing.T) {
	t.Parallel()
	q := queueOf(t, 8, "a1", "a2", "b1")
	q.requests[1].alone = true
	for _, want := range []string{"a1 b1", "a2", ""} {
		if got := worksOf(q.take(nil)); got != want {
			t.Errorf("the batch is %q, want %q", got, want)
		}
	}
}

func TestOnePartyDoesNotFillTheQueue(t *testing.T) {
	t.Parallel()
	q := queueOf(t, 8)
	n := 0
	for ; q.add(newRequest("a")) == nil; n++ {
	}
	if n != maxWaiting/4 {
		t.Errorf("%d requests of one party were taken, want %d", n, maxWaiting/4)
	}
	if err := q.add(newRequest("b")); err != nil {
		t.Errorf("a stranger's is refused: %v", err)
	}
	q.requests[0].giveUp()
	q.take(nil)
	q.addFirst(q.take(nil))
	if err := q.add(newRequest("a")); err != nil {
		t.Errorf("there is room again, and it is refused: %v", err)
	}
	q.takeAll()
	if err := q.add(newRequest("a")); err != nil || len(q.parties) != 1 {
		t.Errorf("%v, %v", err, q.parties)
	}
	q.close()
	if err := q.add(newRequest("b")); !errors.Is(err, ErrUnavailable) {
		t.Errorf("a closed queue says %v", err)
	}
}
