package rates

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley/chat"
)

func TestAQuotaMayBeUsedAtOnceAndComesBackEvenly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMeter(Limit{"posts", 10, 20 * time.Second}, new(Share))
		if n := takeAll(m, "ann"); n != 10 {
			t.Fatalf("%d at once", n)
		}
		if n := takeAll(m, "bob"); n != 10 {
			t.Errorf("%d of another key", n)
		}
		time.Sleep(2*time.Second - time.Nanosecond)
		wantRefused(t, m.Take("ann"), time.Nanosecond)
		time.Sleep(time.Nanosecond)
		if n := takeAll(m, "ann"); n != 1 {
			t.Errorf("%d after two seconds", n)
		}
		m.Return("ann")
		if n := takeAll(m, "ann"); n != 1 {
			t.Errorf("%d after one was taken back", n)
		}
		time.Sleep(time.Hour)
		if n := takeAll(m, "ann"); n != 10 {
			t.Errorf("%d after an hour", n)
		}
	})
}

func TestNothingIsLimitedWithoutAMeterOrAKey(t *testing.T) {
	m := NewMeter(Limit{"posts", 1, time.Hour}, new(Share))
	var p Policies
	for range 1000 {
		header := make(http.Header)
		attempt, err := p.SignIns.Begin(header, "ann", "203.0.113.7", "")
		attempt.End(Wrong)
		if m.Take("").Err() != nil || err != nil || p.Posts.Take(header, "ann", "203.0.113.7") != nil || len(header) != 0 {
			t.Fatalf("limited: %v, %v", err, header)
		}
	}
}

func TestAPolicyHoldsBothItsLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		share := new(Share)
		p := Policy{
			ByUser:    NewMeter(Limit{"streams", 2, time.Minute}, share),
			ByAddress: NewMeter(Limit{"streams-of-address", 3, time.Minute}, share),
		}
		take := func(user string) error { return p.Take(make(http.Header), user, "203.0.113.7") }
		for i, c := range []struct {
			user string
			held bool
		}{{"ann", true}, {"ann", true}, {"ann", false}, {"bob", true}, {"bob", false}, {"carl", false}} {
			if err := take(c.user); (err == nil) != c.held {
				t.Errorf("%d: %v", i, err)
			}
		}
		// What the address refused is not held against the user.
		if n := takeAll(p.ByUser, "carl"); n != 2 {
			t.Errorf("%d are left of carl's two", n)
		}
	})
}

func TestAnAnswerTellsItsStandingInStructuredFields(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMeter(Limit{"posts", 10, 20 * time.Second}, new(Share))
		header := make(http.Header)
		m.Take("ann").Describe(header)
		wantField(t, header, "RateLimit-Policy", `"posts";q=10;w=20`)
		wantField(t, header, "RateLimit", `"posts";r=9;t=2`)
		takeAll(m, "ann")

		time.Sleep(500 * time.Millisecond)
		err := fmt.Errorf("posting: %w", m.Take("ann").Err())
		var refusal *Refusal
		if !errors.As(err, &refusal) || !errors.Is(err, chat.ErrRateLimited) {
			t.Fatalf("%v", err)
		}
		refusal.Describe(header)
		wantField(t, header, "RateLimit-Policy", `"posts";q=10;w=20`)
		wantField(t, header, "RateLimit", `"posts";r=0;t=2`)
		if header.Get("Retry-After") != "2" {
			t.Errorf("%v", header)
		}
	})
}

// Of every table: the least that is remembered is taken over, so what all keys together may ask at
// once is what the table has room for.
func TestNoKeyEscapesByCrowdingATable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMeter(Limit{"posts", 5, time.Minute}, new(Share))
		m.table = newTable(8)
		takeAll(m, "ann")
		admitted := 5
		for round := range 10 {
			for key := range 1000 {
				if m.Take(fmt.Sprint("stranger", key)).Err() == nil {
					admitted++
				}
			}
			if m.Take("ann").Err() == nil {
				t.Fatalf("ann escaped in round %d", round)
			}
		}
		if admitted > 8*5 || len(m.table.buckets) != 8 || len(m.table.queue) != 8 {
			t.Errorf("%d were admitted, %d keys remembered", admitted, len(m.table.buckets))
		}
		time.Sleep(time.Minute)
		if n := takeAll(m, "somebody new"); n != 5 {
			t.Errorf("a new key has %d behind a minute", n)
		}
	})
}

func TestAMillionKeysTakeABoundedAmountOfMemory(t *testing.T) {
	m := NewMeter(Limit{"posts", 5, time.Hour}, new(Share))
	before := heapInUse()
	for key := range 1_000_000 {
		m.Take("203.0.113." + strconv.Itoa(key))
	}
	taken := heapInUse() - before
	t.Logf("%d keys are remembered, in %d KiB", len(m.table.buckets), taken>>10)
	if len(m.table.buckets) != maxBuckets || len(m.table.queue) != maxBuckets {
		t.Errorf("%d keys are remembered", len(m.table.buckets))
	}
	if taken > 8<<20 {
		t.Errorf("%d bytes are taken", taken)
	}
	runtime.KeepAlive(m)
}

func heapInUse() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

func TestSeveralInstancesHoldALimitWithinAFactorOfTwo(t *testing.T) {
	const quota, windows = 120, 10
	for _, instances := range []int{1, 2, 3, 4, 5, 8, 16, 48} {
		synctest.Test(t, func(t *testing.T) {
			var meters []*Meter
			for range instances {
				share := new(Share)
				share.Among(instances)
				meters = append(meters, NewMeter(Limit{"posts", quota, time.Minute}, share))
			}
			all := func() (admitted int) {
				for _, m := range meters {
					admitted += takeAll(m, "ann")
				}
				return admitted
			}
			burst := all()
			atOne := 0
			for range windows * 600 {
				time.Sleep(100 * time.Millisecond)
				atOne += takeAll(meters[0], "ann")
				for _, m := range meters[1:] {
					burst += takeAll(m, "ann")
				}
			}
			burst += atOne
			if least, most := quota*windows*98/100, 2*quota*(windows+1); burst < least || burst > most {
				t.Errorf("%d instances admit %d in %d windows: it may be %d to %d", instances, burst, windows, least, most)
			}
			if least := quota * windows * min(instances, 2) / instances * 98 / 100; atOne < least {
				t.Errorf("one of %d instances admits %d of %d", instances, atOne, least)
			}
		})
	}
}

func TestAShareFollowsTheNumberOfInstances(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		share := new(Share)
		m := NewMeter(Limit{"posts", 120, time.Minute}, share)
		for _, c := range []struct{ instances, quota int }{{1, 120}, {2, 120}, {3, 80}, {4, 60}, {1000, 1}, {1, 120}} {
			share.Among(c.instances)
			time.Sleep(time.Hour)
			if n := takeAll(m, "ann"); n != c.quota {
				t.Errorf("%d at once at one of %d instances, not %d", n, c.instances, c.quota)
			}
		}
	})
}

// takeAll takes what there is.
func takeAll(m *Meter, key string) int {
	for n := 0; ; n++ {
		if m.Take(key).Err() != nil {
			return n
		}
	}
}

func wantRefused(t *testing.T, s Standing, wait time.Duration) {
	t.Helper()
	if s.Err() == nil || s.next != wait {
		t.Errorf("%+v: a wait of %v and not %v", s, s.next, wait)
	}
}

// listOfStrings is a list of strings with integers for parameters, by RFC 9651.
var listOfStrings = regexp.MustCompile(`^"[ !#-\[\]-~]+"(;[a-z*][a-z0-9_.*-]*=[0-9]{1,15})*(, *"[ !#-\[\]-~]+"(;[a-z*][a-z0-9_.*-]*=[0-9]{1,15})*)*$`)

func wantField(t *testing.T, h http.Header, name, want string) {
	t.Helper()
	got := strings.Join(h.Values(name), ", ")
	if got != want || !listOfStrings.MatchString(got) {
		t.Errorf("%s: %s, not %s", name, got, want)
	}
}

func BenchmarkTakeAndDescribe(b *testing.B) {
	m := NewMeter(Limit{"posts", 1000, 20 * time.Second}, new(Share))
	users := make([]string, 10_000)
	for i := range users {
		users[i] = "user-" + strconv.Itoa(i)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		header := make(http.Header, 8)
		m.Take(users[i%len(users)]).Describe(header)
	}
}

func BenchmarkTakeOfNewKeys(b *testing.B) {
	m := NewMeter(Limit{"posts", 1000, time.Hour}, new(Share))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		m.Take("203.0.113." + strconv.Itoa(i))
	}
}
