package repository

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/jmoiron/sqlx"
	"github.com/prometheus/client_golang/prometheus"

	"parley/auth"
	"parley/chat"
	"parley/repository/commitlog"
	"parley/repository/postgres"
	"parley/repository/posts"
	"parley/repository/sqlite"
)

var (
	_ chat.Chats          = (*Repository)(nil)
	_ chat.Messages       = (*Repository)(nil)
	_ chat.Signals        = (*Repository)(nil)
	_ chat.Invites        = (*Repository)(nil)
	_ chat.Administration = (*Repository)(nil)
	_ auth.Store          = (*Repository)(nil)
	_ auth.TokenStore     = (*Repository)(nil)
)

// lockWait is how long a process that wants a SQLite file for itself waits for a
// command that is just migrating it.
const lockWait = time.Second

// ErrServed says that another process serves the same SQLite file.
var ErrServed = sqlite.ErrServed

// Options says what to open and how.
type Options struct {
	// URL is "sqlite:" and a path, or "postgres://…".
	URL string
	// Serve makes this the one serving process of a SQLite file; a second one
	// fails with ErrServed. Commands that only change something open without it.
	Serve bool
	// PostKey becomes the key of the hash by which a repeated post is compared with
	// the first, unless the database holds one already. Without it nothing can be
	// posted under a ClientID.
	PostKey []byte
	// MaxChats is how many chats a user may be in; 0 is any number.
	MaxChats int
	// MaxSignIns is how many sign-ins of a user go on at once; 0 is any number.
	MaxSignIns int
	// MaxTokens is how many script tokens a user may have; 0 is any number.
	MaxTokens int
	// Committed is called by the writer with the events of each commit, in order,
	// before the requests are answered. It must not block. May be nil.
	Committed func([]chat.Event)
	// AwaitReaders is called by the writer before it takes the posts of a batch. It may wait, for
	// some milliseconds. May be nil.
	AwaitReaders func()
	// Registerer takes the metrics; may be nil.
	Registerer prometheus.Registerer
	// Log takes what goes wrong behind the requests; nil is slog.Default.
	Log *slog.Logger
}

// Repository is an open database. Its methods may be called by many goroutines
// at once.
type Repository struct {
	dialect *dialect
	pool    *sqlx.DB
	// reading is the pool for reads outside a transaction; statements are those that it has
	// prepared, nil where it prepares none.
	reading    queryer
	statements *statements
	// writing is the pool of the log's one connection.
	writing  *sqlx.DB
	log      *commitlog.Log[*conn]
	changes  *commitlog.Lane[*conn, *change]
	posts    *commitlog.Lane[*conn, *posts.Entry]
	postLane *posts.Lane[*conn]
	// committed is told of each commit's events.
	committed  func([]chat.Event)
	gate       *gate
	cleaner    *cleaner
	counter    *counter
	tokenUses  *tokenUses
	resumer    *backgroundJob // nil on SQLite
	metrics    *metrics
	postKey    []byte
	maxChats   int
	maxSignIns int
	maxTokens  int
	jumps      jumps
	// peopled says that there is a user who is no bot, nor of another issuer.
	peopled atomic.Bool
	// provenances remembers of messages what never changes.
	provenances *lru.Cache[int64, provenance]
	// lives knows in which life of a PostgreSQL database connections are made; nil on SQLite.
	lives *postgres.Lives
	// address is PostgreSQL's; empty on SQLite.
	address string
	// file is what keeps a SQLite file to one process; nil on PostgreSQL.
	file *sqliteFile
	// reads counts those that still run, be it behind a caller that gave up.
	reads sync.WaitGroup
}

// Open opens the database, refuses it if it would not keep what it has committed,
// and brings its schema up to date.
func Open(ctx context.Context, o Options) (_ *Repository, err error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	r := &Repository{maxChats: o.MaxChats, maxSignIns: o.MaxSignIns, maxTokens: o.MaxTokens}
	if r.provenances, err = lru.New[int64, provenance](maxProvenances); err != nil {
		return nil, err
	}
	if r.metrics, err = newMetrics(o.Registerer); err != nil {
		return nil, fmt.Errorf("registering the metrics: %w", err)
	}
	if err := r.open(ctx, o); err != nil {
		return nil, errors.Join(err, r.closeDatabase())
	}
	r.gate = newGate(r.pool.Stats().MaxOpenConnections)
	r.cleaner = newCleaner(r, o.Log)
	r.counter = newCounter(r, o.Log)
	r.tokenUses = newTokenUses(r, o.Log)
	r.makeLog(o)
	if err := r.log.Start(ctx, forgetOldWriters); err != nil {
		return nil, errors.Join(err, r.closeDatabase())
	}
	if err := r.file.begin(ctx, r); err != nil {
		r.log.Close()
		return nil, errors.Join(err, r.closeDatabase())
	}
	r.committed = o.Committed
	r.cleaner.start()
	r.counter.start()
	r.tokenUses.start()
	r.resumer.start()
	if o.PostKey != nil {
		if r.postKey, err = r.keepKey(ctx, postHashKey, o.PostKey); err != nil {
			return nil, errors.Join(err, r.Close())
		}
	}
	return r, nil
}

// makeLog makes the log and its two lanes.
func (r *Repository) makeLog(o Options) {
	r.log = commitlog.New(commitlog.Options[*conn]{
		Writer:  rand.Text(),
		Connect: func(ctx context.Context) (*conn, error) { return connect(ctx, r) },
		Raised:  r.counter.raised,
		Metrics: r.metrics.log,
		Log:     o.Log,
	})
	r.postLane = &posts.Lane[*conn]{Publish: r.publish, Erased: func() { r.cleaner.erased.Store(true) }}
	r.posts = commitlog.AddLane(r.log, r.postLane,
		commitlog.LaneOptions[*posts.Entry]{Limits: posts.Limits(), CallersLead: true, Await: o.AwaitReaders})
	r.changes = commitlog.AddLane(r.log, &changeLane{r: r}, commitlog.LaneOptions[*change]{Limits: changeLimits})
}

// writerKept is how long the last batch of a silent writer is kept. Only a writer that
// lost a commit's answer needs it, and such a writer asks again at once.
const writerKept = 30 * 24 * time.Hour

// forgetOldWriters removes the batches of writers that are long gone.
func forgetOldWriters(ctx context.Context, c *conn) error {
	if _, err := c.handle.exec(ctx, `DELETE FROM writers WHERE at < ?`, time.Now().Add(-writerKept).UnixMilli()); err != nil {
		return fmt.Errorf("forgetting old writers: %w", err)
	}
	return nil
}

// publish tells of the events of a commit.
func (r *Repository) publish(events []chat.Event) {
	r.metrics.published(events)
	if r.committed != nil && len(events) > 0 {
		r.committed(events)
	}
}

// open opens, locks and migrates what the address names.
func (r *Repository) open(ctx context.Context, o Options) error {
	if path, ok := strings.CutPrefix(o.URL, "sqlite:"); ok {
		return r.openSQLite(ctx, path, o)
	}
	if !strings.HasPrefix(o.URL, "postgres://") && !strings.HasPrefix(o.URL, "postgresql://") {
		return errors.New("the address of the database must begin with sqlite: or postgres://")
	}
	return r.openPostgres(ctx, o.URL, o.Log)
}

func (r *Repository) openPostgres(ctx context.Context, address string, log *slog.Logger) error {
	r.dialect = postgresDialect
	r.address = address
	r.resumer = newResumer(r, log)
	pools, err := postgres.Open(address, log, r.resumer.wake)
	if err != nil {
		return err
	}
	r.pool, r.writing, r.reading = pools.Reading, pools.Writing, pools.Reading
	r.lives = pools.Lives
	defer pools.Migrating.Close()
	if err := pools.Migrating.PingContext(ctx); err != nil {
		if cause := postgres.Writable(ctx, address); cause != nil {
			err = cause
		}
		return fmt.Errorf("connecting to the database: %w", err)
	}
	if err := postgres.Unpooled(ctx, pools.Migrating); err != nil {
		return err
	}
	if err := postgres.Unicode(ctx, pools.Migrating); err != nil {
		return err
	}
	return migrate(ctx, r.dialect, pools.Migrating.DB)
}

// Ready is nil when the database answers within a second, and its files are as they were
// opened.
func (r *Repository) Ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if err := r.file.check(); err != nil {
		return err
	}
	_, err := read(ctx, r, func(ctx context.Context, h handle) (int64, error) { return h.head(ctx) })
	if err != nil {
		return fmt.Errorf("asking the database for the log's head: %w", err)
	}
	return nil
}

// Close waits for the batch in flight and closes the database. Nothing may be
// asked of the Repository afterwards.
func (r *Repository) Close() error {
	r.cleaner.close()
	r.counter.close()
	r.tokenUses.close()
	r.resumer.close()
	r.log.Close()
	r.reads.Wait()
	return r.closeDatabase()
}

func (r *Repository) closeDatabase() (err error) {
	r.file.leave(r)
	if r.writing != nil {
		err = r.writing.Close()
	}
	if r.pool != nil {
		err = errors.Join(err, r.pool.Close())
	}
	return errors.Join(err, r.file.close())
}
