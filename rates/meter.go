package rates

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Limit is a quota of requests in a window, of whole seconds.
type Limit struct {
	// Name tells clients of the limit: ASCII without quotes.
	Name   string
	Quota  int
	Window time.Duration
}

// Meter holds a limit for each key: the generic cell rate algorithm, by which a key's bucket is a
// single time. Its methods may be called by many goroutines at once. A nil Meter limits nothing.
type Meter struct {
	limit Limit
	share *Share
	terms atomic.Pointer[terms]

	mu    sync.Mutex
	table table
}

// NewMeter makes a meter of a limit of which the instance gives its share.
func NewMeter(l Limit, s *Share) *Meter {
	return &Meter{limit: l, share: s, table: newTable(maxBuckets)}
}

// Standing is where a key stands. The zero value is that of a key that nothing limits.
type Standing struct {
	terms *terms
	// remaining is how many requests more may come at once.
	remaining int
	// next is when there will be one more; for a request that is refused, how long to wait.
	next    time.Duration
	refused bool
}

// Take counts a request of a key, unless that is refused. For the empty key, which is
// nobody's, it does nothing.
func (m *Meter) Take(key string) Standing {
	if m == nil || key == "" {
		return Standing{}
	}
	t := m.current()
	m.mu.Lock()
	defer m.mu.Unlock()
	at := m.table.now()
	b := m.table.find(key)
	owed := max(b.until-at, 0)
	if owed+t.cost > t.window {
		return Standing{terms: t, next: owed + t.cost - t.window, refused: true}
	}
	owed += t.cost
	b.until = at + owed
	m.table.moved(b)
	return t.standing(owed)
}

// Return takes back the count of a request of a key.
func (m *Meter) Return(key string) {
	if m == nil || key == "" {
		return
	}
	t := m.current()
	m.mu.Lock()
	defer m.mu.Unlock()
	if b := m.table.known(key); b != nil {
		b.until = max(b.until-t.cost, 0)
		m.table.moved(b)
	}
}

// current are the terms as they are now.
func (m *Meter) current() *terms {
	divisor := m.share.divisor()
	t := m.terms.Load()
	if t == nil || t.divisor != divisor {
		t = newTerms(m.limit, divisor)
		m.terms.Store(t)
	}
	return t
}

// terms are a limit as one of several instances gives it.
type terms struct {
	divisor float64
	name    string
	quota   int
	// cost is after how long a request is forgotten, and window what the requests of a key may
	// cost together. A single request is always within it, be the share as small as it may.
	cost, window time.Duration
	policy       string
}

func newTerms(l Limit, divisor float64) *terms {
	cost := time.Duration(float64(l.Window) / float64(l.Quota) * divisor)
	window := max(l.Window, cost)
	t := &terms{divisor: divisor, name: strconv.Quote(l.Name), quota: int(window / cost), cost: cost, window: window}
	t.policy = fmt.Sprintf("%s;q=%d;w=%d", t.name, t.quota, seconds(window))
	return t
}

// standing is where a key stands that owes some time.
func (t *terms) standing(owed time.Duration) Standing {
	left := t.window - owed
	return Standing{terms: t, remaining: int(left / t.cost), next: t.cost - left%t.cost}
}

// Describe adds the standing to an answer's header, as draft-ietf-httpapi-ratelimit-headers
// has it: the quota and its window, and how many requests remain until there is one more.
func (s Standing) Describe(h http.Header) {
	if s.terms == nil {
		return
	}
	h["Ratelimit-Policy"] = append(h["Ratelimit-Policy"], s.terms.policy)
	b := make([]byte, 0, 48)
	b = append(b, s.terms.name...)
	b = strconv.AppendInt(append(b, ";r="...), int64(s.remaining), 10)
	b = strconv.AppendInt(append(b, ";t="...), seconds(s.next), 10)
	h["Ratelimit"] = append(h["Ratelimit"], string(b))
}

// Err is nil, or a [*Refusal].
func (s Standing) Err() error {
	if !s.refused {
		return nil
	}
	return &Refusal{standing: s}
}

// seconds rounds up.
func seconds(d time.Duration) int64 { return int64(math.Ceil(d.Seconds())) }
