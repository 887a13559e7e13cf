package natsbus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
)

// Options are what a [Bus] stands on.
type Options struct {
	Address Address
	// Keys are those of all instances of one service on one database. The first seals this
	// instance's messages, and each opens those of others. They may change when the database
	// goes on in another life.
	Keys func() [][]byte
	// Registerer takes the metrics; nil keeps them to the bus.
	Registerer prometheus.Registerer
	Log        *slog.Logger
}

// Bus is a subject of NATS as a bus between instances.
type Bus struct {
	subject string
	keys    func() [][]byte
	conn    *nats.Conn
	strange prometheus.Counter
	// lost has room for one: messages may have been lost.
	lost chan struct{}
}

const (
	// pingEvery and pingsOut notice a connection that is dead within 6 s.
	pingEvery = 2 * time.Second
	pingsOut  = 2
	// connecting bounds one attempt to connect.
	connecting = 2 * time.Second
	// maxDelay bounds the back-off between attempts.
	maxDelay = 2 * time.Second
	// maxPending is how many messages wait to be heeded; those beyond are dropped, and what
	// they told of is read from the log.
	maxPending = 4096
)

// ErrRefused is of servers that answered and do not let the client in, which will not change
// by itself.
var ErrRefused = errors.New("NATS refuses the credentials")

// Open connects. A server that cannot be reached is no error: the bus is down and goes on
// trying. [ErrRefused]; files of credentials or certificates that cannot be read.
func Open(o Options) (*Bus, error) {
	b := &Bus{
		subject: o.Address.subject,
		keys:    o.Keys,
		lost:    make(chan struct{}, 1),
		strange: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "parley_bus_strange_total", Help: "Messages on the NATS subject that were not sealed by this service."}),
	}
	if o.Registerer != nil {
		if err := o.Registerer.Register(b.strange); err != nil {
			return nil, fmt.Errorf("registering the metrics: %w", err)
		}
	}
	options := nats.GetDefaultOptions()
	options.Servers = o.Address.servers
	for _, option := range append(o.Address.options,
		nats.Name("parley"), nats.NoEcho(), nats.Timeout(connecting),
		nats.PingInterval(pingEvery), nats.MaxPingsOutstanding(pingsOut),
		nats.MaxReconnects(-1), nats.CustomReconnectDelay(delay), nats.IgnoreAuthErrorAbort(),
		nats.ReconnectBufSize(-1), // old hints are of no use
		nats.ReconnectHandler(func(*nats.Conn) { b.miss() }),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) { b.miss() }), // a subscriber that was too slow
	) {
		if err := option(&options); err != nil {
			return nil, fmt.Errorf("reading the options of NATS: %w", err)
		}
	}
	var err error
	b.conn, err = options.Connect()
	switch {
	case err == nil:
		return b, nil
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAuthRevoked):
		return nil, ErrRefused
	}
	o.Log.Warn("the bus cannot be reached; what other instances commit is noticed later, and it is tried again", "error", err)
	options.RetryOnFailedConnect = true
	if b.conn, err = options.Connect(); err != nil {
		return nil, fmt.Errorf("connecting to NATS: %w", err)
	}
	return b, nil
}

// delay is how long to wait before the next attempt to connect.
func delay(attempts int) time.Duration {
	d := min(maxDelay, 100*time.Millisecond<<min(attempts, 5))
	return d/2 + rand.N(d/2)
}

func (b *Bus) miss() {
	select {
	case b.lost <- struct{}{}:
	default:
	}
}

// Send implements stream.Bus. It does not block.
func (b *Bus) Send(_ context.Context, message []byte) error {
	if err := b.conn.Publish(b.subject, seal(b.keys()[0], message)); err != nil {
		return fmt.Errorf("publishing: %w", err)
	}
	return nil
}

// Limit implements stream.Bus.
func (b *Bus) Limit() int { return int(b.conn.MaxPayload()) - sealBytes }

// Down implements stream.Bus.
func (b *Bus) Down() error {
	if status := b.conn.Status(); status != nats.CONNECTED {
		return fmt.Errorf("the connection to NATS is %s", status)
	}
	return nil
}

// Receive implements stream.Bus.
func (b *Bus) Receive(ctx context.Context, receive func(message []byte)) {
	messages := make(chan *nats.Msg, maxPending)
	sub, err := b.conn.ChanSubscribe(b.subject, messages)
	if err != nil { // the bus is closed
		return
	}
	defer func() { _ = sub.Unsubscribe() }()
	for {
		select {
		case <-ctx.Done():
			return
		case <-b.lost:
			receive(nil)
		case m := <-messages:
			message, ok := unseal(b.keys(), m.Data)
			if !ok {
				b.strange.Inc()
				continue
			}
			receive(message)
		}
	}
}

// Close closes the connection.
func (b *Bus) Close() error {
	b.conn.Close()
	return nil
}
