package repository

import (
	"github.com/prometheus/client_golang/prometheus"

	"parley/chat"
	"parley/repository/commitlog"
)

// metrics are what a repository counts.
type metrics struct {
	posts prometheus.Counter
	log   *commitlog.Metrics
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		posts: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "parley_posts_total", Help: "Messages stored.",
		}),
		log: commitlog.NewMetrics(),
	}
	if reg == nil {
		return m, nil
	}
	for _, c := range append(m.log.All(), m.posts) {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// published counts the messages among the events of a commit.
func (m *metrics) published(events []chat.Event) {
	posts := 0
	for i := range events {
		if events[i].Kind == chat.KindMessage {
			posts++
		}
	}
	m.posts.Add(float64(posts))
}
