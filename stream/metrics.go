package stream

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	open       prometheus.Gauge
	deliveries prometheus.Counter
	behind     prometheus.Gauge
	logReads   prometheus.Counter
	rooms      prometheus.Gauge
	tail       prometheus.Gauge
	ends       *prometheus.CounterVec
	held       prometheus.Histogram
	awaited    prometheus.Histogram
	refused    prometheus.Counter

	busSent, busFailed, busReceived, busDropped prometheus.Counter
	busIgnored                                  *prometheus.CounterVec
}

// Why a message from the bus was ignored.
const (
	ignoredMalformed = "malformed"
	ignoredAhead     = "ahead"
)

func (m *metrics) ignored(why string) { m.busIgnored.WithLabelValues(why).Inc() }

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		open: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "parley_streams_open", Help: "Streams that are open."}),
		deliveries: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "parley_deliveries_total", Help: "Durable events written to streams."}),
		behind: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "parley_readers_behind", Help: "Readers that read the log because memory does not reach back to their cursor."}),
		logReads: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "parley_reader_log_reads_total", Help: "Pages that readers took from the log."}),
		rooms: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "parley_rooms", Help: "Chats, and users, that somebody follows here."}),
		tail: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "parley_tail_position", Help: "The highest position of the log that this instance has applied."}),
		ends: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "parley_streams_ended_total", Help: "Streams that ended, by reason."}, []string{"reason"}),
		held: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "parley_posts_held_seconds", Help: "For how long posts were held because the streams of the chat could not keep up.",
			Buckets: []float64{.01, .025, .05, .075, .1}}),
		awaited: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "parley_batches_held_seconds", Help: "For how long batches of posts were held because the instance had yet to deliver what was committed before.",
			Buckets: []float64{.001, .002, .003, .004, .005, .006}}),
		refused: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "parley_streams_refused_total", Help: "Streams that were one too many."}),
		busSent: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "parley_bus_sent_total", Help: "Messages that this instance sent to the bus."}),
		busFailed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "parley_bus_send_failures_total", Help: "Messages that the bus did not take."}),
		busReceived: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "parley_bus_received_total", Help: "Messages that came from the bus, the instance's own included where the bus returns them."}),
		busDropped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "parley_bus_signals_dropped_total", Help: "Signals that were not sent because too many waited."}),
		busIgnored: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "parley_bus_ignored_total", Help: "Messages from the bus that were ignored, by why: no hint at all, or a position ahead of the log's head."}, []string{"why"}),
	}
	if r != nil {
		r.MustRegister(m.open, m.deliveries, m.behind, m.logReads, m.rooms, m.tail, m.ends, m.held, m.awaited, m.refused,
			m.busSent, m.busFailed, m.busReceived, m.busDropped, m.busIgnored)
	}
	return m
}
