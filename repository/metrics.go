package repository

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"parley/chat"
)

// metrics are what the writer counts.
type metrics struct {
	posts  prometheus.Counter
	commit prometheus.Histogram
	batch  prometheus.Histogram
	up     prometheus.Gauge
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		posts: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "parley_posts_total", Help: "Messages stored.",
		}),
		commit: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "parley_commit_seconds", Help: "How long a batch took from its start to its durable commit.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14),
		}),
		batch: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "parley_batch_size", Help: "Requests in a batch of the writer.",
			Buckets: prometheus.ExponentialBuckets(1, 2, 10),
		}),
		up: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "parley_database_up", Help: "Whether the database answered when it was last asked.",
		}),
	}
	if reg == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.posts, m.commit, m.batch, m.up} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// committed counts a batch of so many requests.
func (m *metrics) committed(tx *transaction, requests int, took time.Duration) {
	posts := 0
	for i := range tx.events {
		if tx.events[i].Kind == chat.KindMessage {
			posts++
		}
	}
	m.posts.Add(float64(posts))
	m.commit.Observe(took.Seconds())
	m.batch.Observe(float64(requests))
	m.up.Set(1)
}
