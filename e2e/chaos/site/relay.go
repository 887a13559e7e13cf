package site

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// Relay stands between instances that each have a subject of their own, and does to what
// passes between them what no bus should: of a third of the messages each, it drops, repeats
// and delays some, so that the rest overtakes them.
type Relay struct {
	conn *nats.Conn
	mu   sync.Mutex
	r    *rand.Rand
	late sync.WaitGroup
}

// Prefix is the prefix of an instance's own subject.
func Prefix(instance int) string { return fmt.Sprintf("instance-%d", instance) }

// share is which part of the messages each thing is done to.
const share = 0.3

// StartRelay relays between so many instances.
func StartRelay(url string, instances int, seed uint64) (*Relay, error) {
	conn, err := nats.Connect(url, nats.NoEcho())
	if err != nil {
		return nil, err
	}
	relay := &Relay{conn: conn, r: rand.New(rand.NewPCG(seed, 1))}
	for from := range instances {
		if _, err := conn.Subscribe(Prefix(from)+".hints", func(m *nats.Msg) {
			for to := range instances {
				if to != from {
					relay.pass(Prefix(to)+".hints", m.Data)
				}
			}
		}); err != nil {
			conn.Close()
			return nil, err
		}
	}
	return relay, conn.Flush()
}

func (relay *Relay) pass(subject string, data []byte) {
	relay.mu.Lock()
	drop, repeat := relay.r.Float64() < share, relay.r.Float64() < share
	var delay time.Duration
	if relay.r.Float64() < share {
		delay = time.Duration(relay.r.IntN(400)) * time.Millisecond
	}
	relay.mu.Unlock()
	if drop {
		return
	}
	relay.late.Go(func() {
		time.Sleep(delay)
		_ = relay.conn.Publish(subject, data)
		if repeat {
			_ = relay.conn.Publish(subject, data)
		}
	})
}

// Close ends it.
func (relay *Relay) Close() {
	relay.late.Wait()
	relay.conn.Close()
}
