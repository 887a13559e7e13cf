package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	"github.com/lib/pq"
)

// Bus is LISTEN and NOTIFY as a bus between instances: stream.Bus. All instances on one
// schema of one database hear each other. It needs connections that are its own for as long
// as they last: a pooler that hands them round transaction by transaction carries no
// notifications, which shows as a bus that is down.
type Bus struct {
	channel string
	address string // as the listener takes it
	sending *sql.DB

	mu sync.Mutex
	// down is why nothing is heard, nil while something is; heard is when the last
	// notification came.
	down  error
	heard time.Time
}

const (
	// busSilence is how long the listener waits for a notification before it takes its
	// connection for lost. An instance hears itself every second.
	busSilence = 7 * time.Second
	// busMessage is how long a message may be, in bytes. PostgreSQL takes 7999, and keeps
	// them in one queue for all databases: positions and signals are what it is good for.
	busMessage = 2000
	// minBusReconnect and maxBusReconnect bound the back-off of the listener.
	minBusReconnect = 100 * time.Millisecond
	maxBusReconnect = 2 * time.Second
)

// NewBus makes a bus on the database at an address. schema is where the service's tables
// are; instances with different ones do not hear each other. It connects to nothing.
func NewBus(address, schema string) (*Bus, error) {
	base, err := configure(address)
	if err != nil {
		return nil, err
	}
	listening, err := listenerAddress(address)
	if err != nil {
		return nil, err
	}
	// A notification is written to the log of the database like a row. Nothing is promised
	// of it, so nobody waits until it is on a disk.
	sending := pool(base, Silence, nil, guards, map[string]string{"synchronous_commit": "off"})
	sending.SetMaxOpenConns(1)
	return &Bus{
		channel: "parley_" + schema,
		address: listening,
		sending: sending,
		down:    errors.New("not connected yet"),
	}, nil
}

// listenerAddress is the address with what every connection of a service needs.
func listenerAddress(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", errors.New("the address is no URL")
	}
	q := u.Query()
	for name, value := range map[string]string{
		"connect_timeout":           "2",
		"target_session_attrs":      "read-write",
		"fallback_application_name": "parley",
	} {
		if !q.Has(name) {
			q.Set(name, value)
		}
	}
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// Check connects once. An error for which [Refused] is true will not go away by itself.
func (b *Bus) Check(ctx context.Context) error {
	if err := b.sending.PingContext(ctx); err != nil {
		return fmt.Errorf("connecting to the bus: %w", err)
	}
	return nil
}

// Refused says of an error of connecting that the server answered, and does not let this
// client in: a wrong password, an unknown database.
func Refused(err error) bool {
	var answered *pq.Error
	if !errors.As(err, &answered) {
		return false
	}
	class := answered.Code.Class()
	return class == "28" || class == "3D" // invalid authorization; invalid catalog name
}

// Send implements stream.Bus.
func (b *Bus) Send(ctx context.Context, message []byte) error {
	_, err := b.sending.ExecContext(ctx, `SELECT pg_notify($1, $2)`, b.channel, string(message))
	if err != nil {
		return fmt.Errorf("notifying: %w", err)
	}
	return nil
}

// Limit implements stream.Bus.
func (*Bus) Limit() int { return busMessage }

// Down implements stream.Bus.
func (b *Bus) Down() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.down == nil && time.Since(b.heard) > busSilence {
		return errors.New("no notification comes through: LISTEN needs an address without a transaction pooler")
	}
	return b.down
}

// Receive implements stream.Bus.
func (b *Bus) Receive(ctx context.Context, receive func(message []byte)) {
	listener := pq.NewDialListener(dialer{busSilence}, b.address, minBusReconnect, maxBusReconnect, b.event)
	go func() {
		// It waits for the first connection, or for Close. What is wrong with a later one
		// comes as an event.
		if err := listener.Listen(b.channel); err != nil && ctx.Err() == nil {
			b.fail(err)
		}
	}()
	go func() {
		<-ctx.Done()
		_ = listener.Close() // may wait until a connection attempt is over
	}()
	for n := range listener.Notify {
		switch {
		case ctx.Err() != nil: // what is left is thrown away, until Close is done
		case n == nil: // a new connection: what was sent in between was not heard
			receive(nil)
		case n.Channel == b.channel:
			b.hear()
			receive([]byte(n.Extra))
		}
	}
}

func (b *Bus) hear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.heard = time.Now()
}

func (b *Bus) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.down = err
}

// event notes what happened to the listener's connection.
func (b *Bus) event(what pq.ListenerEventType, err error) {
	switch what {
	case pq.ListenerEventConnected, pq.ListenerEventReconnected:
		b.mu.Lock()
		b.down, b.heard = nil, time.Now()
		b.mu.Unlock()
	case pq.ListenerEventDisconnected, pq.ListenerEventConnectionAttemptFailed:
		if err == nil {
			err = errors.New("disconnected")
		}
		b.fail(err)
	}
}

// Close closes the connection that sends. [Bus.Receive] ends with its context.
func (b *Bus) Close() error { return b.sending.Close() }
