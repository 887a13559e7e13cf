//go:build unix

package e2e

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"parley/chat"
	"parley/e2e/need"
	"parley/e2e/need/natsserver"
)

// buses are those that join instances on one database, each as --bus takes it.
func buses(t *testing.T) map[string]string {
	return map[string]string{"postgres": "postgres", "nats": natsserver.Start(t, nil).URL}
}

// busOf asks /readyz how the bus is. The instance is ready whatever the bus is.
func busOf(t testing.TB, p *process) string {
	t.Helper()
	response, err := httpClient().Get(p.URL + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var ready struct{ Status, Bus string }
	if err := json.Unmarshal(body, &ready); err != nil || response.StatusCode != http.StatusOK || ready.Status != "ready" {
		t.Fatalf("readyz: %s %s", response.Status, body)
	}
	return ready.Bus
}

// awaitBus waits until the bus is so.
func awaitBus(t testing.TB, p *process, state string) {
	t.Helper()
	await(t, "the bus is "+state, func() bool { return busOf(t, p) == state })
}

// await waits until something holds.
func await(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("in vain waited until %s", what)
		}
	}
}

// afar is a chat that is posted to on one instance and followed on another.
type afar struct {
	owner  *person
	chatID string
	feed   *feed
}

func newAfar(t *testing.T, here, there *process) afar {
	owner := newPerson(t, here)
	chatID := owner.makeChat()
	f := mustOpenFeed(t, there.URL+"/chats/"+chatID+"/stream", owner.login(here).Token, "")
	f.until(t, "ready")
	return afar{owner, chatID, f}
}

// hears posts and waits until the other instance shows it.
func (a afar) hears(t testing.TB, text string) {
	t.Helper()
	posted := a.owner.post(a.chatID, text)
	var m chat.Message
	if err := json.Unmarshal([]byte(a.feed.until(t, "").Data), &m); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(m, posted) {
		t.Fatalf("posted %+v, heard %+v", posted, m)
	}
}

// hearAtOnce wants two instances on a bus to hear of each other's messages without a poll: where
// they only poll, a message is late by a second on average.
func hearAtOnce(t *testing.T, bus, text string) (here, there *process) {
	t.Helper()
	here, there = twoInstances(t, "--bus", bus)
	awaitBus(t, here, "up")
	awaitBus(t, there, "up")
	chat := newAfar(t, here, there)
	const posts = 40
	began := time.Now()
	for i := range posts {
		chat.hears(t, fmt.Sprintf("%s %d", text, i))
	}
	if took := time.Since(began); took > posts*time.Second/4 {
		t.Errorf("%d messages took %v: they waited for the poll", posts, took)
	}
	return here, there
}

func TestInstancesHearOfEachOtherByTheirBus(t *testing.T) {
	t.Parallel()
	for name, setting := range buses(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b := hearAtOnce(t, setting, "hinted at")
			if metric(t, b, "parley_bus_received_total") == 0 || metric(t, a, "parley_bus_sent_total") == 0 || metric(t, b, "parley_bus_up") != 1 {
				t.Error("the bus's metrics do not move")
			}
		})
	}
}

func TestABusThatIsDownDelaysAndLosesNothing(t *testing.T) {
	t.Parallel()
	server := natsserver.Start(t, nil)
	a, b := twoInstances(t, "--bus", server.URL)
	chat := newAfar(t, a, b)
	awaitBus(t, b, "up")
	for round := range 2 {
		server.Stop()
		awaitBus(t, b, "down")
		if metric(t, b, "parley_bus_up") != 0 {
			t.Error("parley_bus_up is not 0")
		}
		chat.hears(t, fmt.Sprintf("without the bus %d", round))
		server.Restart(t)
		awaitBus(t, a, "up")
		awaitBus(t, b, "up")
		chat.hears(t, fmt.Sprintf("with it again %d", round))
	}
}

func TestTheListenerComesBackWhenItsBackendIsTerminated(t *testing.T) {
	t.Parallel()
	address := need.Postgres(t)
	a := servePostgres(t, address, "--signup", "open", "--bus", "postgres")
	b := servePostgres(t, address, "--signup", "open", "--bus", address) // the same, by an address of its own
	chat := newAfar(t, a, b)
	awaitBus(t, b, "up")
	db, err := sql.Open("postgres", address)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for round := range 3 {
		var ended int
		err := db.QueryRow(`SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
			WHERE datname = current_database() AND query LIKE 'LISTEN%'`).Scan(&ended)
		if err != nil || ended == 0 {
			t.Fatalf("%d listeners were ended: %v", ended, err)
		}
		chat.hears(t, fmt.Sprintf("while the listener is gone %d", round))
		awaitBus(t, b, "up")
	}
}

func TestStrangeMessagesOnTheBusAreIgnoredAndCounted(t *testing.T) {
	t.Parallel()
	server := natsserver.Start(t, nil)
	address := need.Postgres(t)
	a := servePostgres(t, address, "--signup", "open", "--bus", server.URL)
	b := servePostgres(t, address, "--signup", "open", "--bus", "postgres")
	other := serve(t, "--database", need.Postgres(t), "--jwt-secret", "another-secret-0123456789-abcdefghijkl", "--signup", "open", "--bus", server.URL)
	db, err := sql.Open("postgres", address)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	stranger, err := nats.Connect(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()

	chat := newAfar(t, a, a)
	strange := metric(t, a, "parley_bus_strange_total")
	for _, message := range []string{"", "7", "999999999999", `[{"pos":1,"kind":"message"}]`, strings.Repeat("x", 100_000)} {
		if err := stranger.Publish("parley.hints", []byte(message)); err != nil {
			t.Fatal(err)
		}
	}
	elsewhere := newPerson(t, other)
	elsewhere.post(elsewhere.makeChat(), "of another service")
	await(t, "strangers' messages are counted", func() bool { return metric(t, a, "parley_bus_strange_total") >= strange+6 })
	chat.hears(t, "of this one")

	chat = newAfar(t, b, b)
	for _, message := range []string{"no number", "-1", "1e9", "999999999999999999", "9999999999999999999999", `[{"pos":1000000,"kind":"chat.deleted","chat":"x"}]`} {
		if _, err := db.Exec(`SELECT pg_notify('parley_' || CAST('public' AS regnamespace)::oid, $1)`, message); err != nil {
			t.Fatal(err)
		}
	}
	await(t, "what is no hint is counted", func() bool { return metric(t, b, `parley_bus_ignored_total{why="malformed"}`) >= 4 })
	await(t, "positions ahead are counted", func() bool { return metric(t, b, `parley_bus_ignored_total{why="ahead"}`) >= 1 })
	chat.hears(t, "all the same")
}
