package middleware

import (
	"strconv"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// requestCounters are the counters of requests. Each is looked up among the labels
// once: a lookup costs more than a count. They are as few as the routes, methods
// and statuses.
type requestCounters struct {
	vec *prometheus.CounterVec

	mu    sync.RWMutex
	known map[answered]prometheus.Counter
}

// newRequestCounters registers the counters with reg, unless that is nil.
func newRequestCounters(reg prometheus.Registerer) *requestCounters {
	r := &requestCounters{
		vec: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "parley_http_requests_total",
			Help: "Requests answered, by method, pattern of the route, and status.",
		}, []string{"method", "route", "status"}),
		known: make(map[answered]prometheus.Counter),
	}
	if reg != nil {
		reg.MustRegister(r.vec)
	}
	return r
}

// of is the counter of an answer.
func (r *requestCounters) of(a answered) prometheus.Counter {
	r.mu.RLock()
	counter := r.known[a]
	r.mu.RUnlock()
	if counter == nil {
		counter = r.vec.WithLabelValues(a.method, a.route, strconv.Itoa(a.status))
		r.mu.Lock()
		r.known[a] = counter
		r.mu.Unlock()
	}
	return counter
}
