package commitlog

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics are what a log counts.
type Metrics struct {
	Commit prometheus.Histogram
	Lock   prometheus.Histogram
	Batch  prometheus.Histogram
	Up     prometheus.Gauge
}

// NewMetrics makes metrics that are registered nowhere yet.
func NewMetrics() *Metrics {
	return &Metrics{
		Commit: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "parley_commit_seconds", Help: "How long a batch took from its start to its durable commit.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14),
		}),
		Lock: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "parley_log_lock_seconds",
			Help:    "How long a batch held the lock on the log's head, where it was more than one message to the database.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14),
		}),
		Batch: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "parley_batch_size", Help: "Requests in a batch of the writer.",
			Buckets: prometheus.ExponentialBuckets(1, 2, 10),
		}),
		Up: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "parley_database_up", Help: "Whether the database answered when it was last asked.",
		}),
	}
}

// All are the metrics one by one.
func (m *Metrics) All() []prometheus.Collector {
	return []prometheus.Collector{m.Commit, m.Lock, m.Batch, m.Up}
}

// committed counts a transaction of so many requests.
func (m *Metrics) committed(tx *Tx, requests int) {
	m.Commit.Observe(time.Since(tx.Began).Seconds())
	m.Batch.Observe(float64(requests))
	m.Up.Set(1)
}
