package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"parley/auth"
	"parley/auth/issuers"
	"parley/chat"
	"parley/handlers"
	"parley/middleware"
	"parley/rates"
	"parley/repository"
	"parley/stream"
)

// Server is an open server: it holds its address and its database, and answers
// once [Server.Serve] runs. Whoever does not call Serve calls [Server.Close].
type Server struct {
	plan plan
	now  func() time.Time
	// log tells what the server does; its lines go to logSink.
	log      *slog.Logger
	logSink  *logSink
	listener net.Listener
	// metricsListener is nil where /metrics has no address of its own.
	metricsListener net.Listener
	repository      *repository.Repository
	bus             bus // nil where there is one instance
	broker          *stream.Broker
	issuers         *issuers.Set
	http, metrics   *http.Server
	conns           *connLimit
	share           rates.Share  // of every limit on rate
	certificate     *certificate // nil is HTTP in the clear

	// following is the broker once it may be told of commits.
	following atomic.Pointer[stream.Broker]
	// failed takes what ends the server by itself; the first counts.
	failed   chan error
	draining atomic.Bool
	closing  sync.Once
}

// Open checks the settings and makes everything ready. ctx bounds the opening
// alone. log takes what the server tells while it runs; where it is slow or stuck,
// lines are dropped and the server goes on.
func Open(ctx context.Context, s Settings, log io.Writer) (*Server, error) {
	return OpenByClock(ctx, s, log, time.Now)
}

// OpenByClock is Open with another clock for what ends by itself: access tokens, script
// tokens, stream tickets and tokens of other issuers. A test moves it instead of waiting for
// an end. Everything else keeps to the machine's clock or the database's: streams that are
// open, and sessions, which end by how long ago they were renewed and began.
func OpenByClock(ctx context.Context, s Settings, log io.Writer, now func() time.Time) (*Server, error) {
	p, err := s.plan()
	if err != nil {
		return nil, err
	}
	sink := newLogSink(log)
	srv := &Server{plan: p, now: now, log: slog.New(slog.NewTextHandler(sink, nil)), logSink: sink, failed: make(chan error, 1)}
	if err := srv.open(ctx); err != nil {
		srv.Close()
		return nil, err
	}
	return srv, nil
}

// open takes the address first, so that a second server started by mistake does
// nothing to the data of the first.
func (s *Server) open(ctx context.Context) (err error) {
	if s.listener, err = listen("listen", s.plan.listen); err != nil {
		return err
	}
	if s.plan.metricsListen != "" {
		if s.metricsListener, err = listen("metrics-listen", s.plan.metricsListen); err != nil {
			return err
		}
	}
	if s.plan.usesFolder() {
		if err := makeFolder(s.plan.data); err != nil {
			return err
		}
	}
	secrets, err := s.plan.openSecrets()
	if err != nil {
		return err
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		s.logSink.dropped,
	)

	s.repository, err = s.plan.open(ctx, repository.Options{
		Serve:        true,
		PostKey:      secrets.keys("post hash")[0],
		MaxChats:     s.plan.maxChats,
		MaxSignIns:   s.plan.maxSignIns,
		MaxTokens:    s.plan.maxTokens,
		Committed:    s.committed,
		AwaitReaders: s.awaitReaders,
		Registerer:   registry,
		Log:          s.log,
	})
	if err != nil {
		return err
	}
	if s.bus, err = s.openBus(ctx, secrets, registry); err != nil {
		return err
	}
	if err := s.compareClocks(ctx); err != nil {
		return err
	}
	lease, err := s.takeLease(ctx, secrets)
	if err != nil {
		return err
	}
	s.broker = stream.New(s.repository, s.streamOptions(lease, registry))
	s.following.Store(s.broker)
	if err := s.broker.Start(ctx); err != nil {
		return fmt.Errorf("reading the log's head: %w", err)
	}
	return s.assemble(secrets, registry)
}

func (s *Server) streamOptions(lease stream.Lease, registry *prometheus.Registry) stream.Options {
	o := stream.Options{
		Ping: s.plan.ping, Rotate: s.plan.rotate, Portable: s.plan.portable,
		Limits: s.plan.streamLimits, Lease: lease, TotalBytes: s.plan.streamMemory,
		Registerer: registry, Log: s.log,
	}
	if s.bus != nil {
		o.Bus = s.bus
	}
	return o
}

// committed hands what was committed to those who follow. The database's background jobs
// may commit before there is a broker, which then starts at a head that includes it.
func (s *Server) committed(events []chat.Event) {
	if b := s.following.Load(); b != nil {
		b.Committed(events)
	}
}

// awaitReaders has the writer wait for those who follow.
func (s *Server) awaitReaders() {
	if b := s.following.Load(); b != nil {
		b.AwaitReaders()
	}
}

// assemble puts the handlers before what they stand on.
func (s *Server) assemble(secrets secrets, registry *prometheus.Registry) error {
	cookies := middleware.NewCookies(s.plan.cookieName, s.plan.basePath)
	var err error
	s.issuers, err = issuers.New(issuers.Options{Issuers: s.plan.issuers, Store: s.repository, Now: s.now, Log: s.log})
	if err != nil {
		return err
	}
	tokens, err := middleware.NewTokens(middleware.TokenOptions{
		Keys: secrets.keys("access token"), TTL: s.plan.accessTTL, Cookies: cookies, Log: s.log,
		Scripts: auth.NewScriptTokens(s.repository, s.now), Foreign: s.issuers, Now: s.now,
	})
	if err != nil {
		return fmt.Errorf("making the signer of access tokens: %w", err)
	}
	policies := s.plan.policies(&s.share)
	accounts := auth.New(auth.Options{
		Store: s.repository, Signer: tokens, RefreshKeys: secrets.keys("refresh token"),
		Idle: s.plan.sessionIdle, Most: s.plan.sessionMost, Renewed: s.broker.Renewed, Now: s.now,
		Refreshing: func(session string) error { return policies.Sessions.Take(session).Err() },
	})
	options := handlers.Options{
		Accounts: accounts, Users: s.repository, Chats: s.repository, Messages: s.repository, Streams: s.broker, Signals: s.repository,
		Administration: s.repository, Invites: s.repository,
		Tickets:        auth.NewTickets(s.repository, secrets.keys("stream ticket"), s.now),
		Scripts:        s.repository,
		Tokens:         tokens,
		Cookies:        cookies,
		BasePath:       s.plan.basePath,
		Origins:        middleware.NewOrigins(s.plan.origins),
		TrustedProxies: s.plan.trusted,
		SignUps:        s.plan.signUps,
		Rates:          policies,
		Ready:          s.lacking,
		Bus:            s.busState,
		Log:            s.log,
		AccessLog:      s.logSink,
		Registerer:     registry,
	}
	s.conns = newConnLimit(s.plan.maxConns, s.broker.Hijacked, registry)
	metrics := promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	if s.metricsListener == nil {
		options.Metrics = metrics
	} else {
		s.metrics = s.newHTTP(handlers.NewMetrics(metrics, options.Origins, isLoopback(s.plan.metricsListen)))
	}
	s.http = s.newHTTP(handlers.New(options))
	s.certificate = newCertificate(s.plan.tls, s.plan.certificate, s.log)
	s.http.TLSConfig = s.certificate.tls()
	return nil
}

func listen(setting, address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		var op *net.OpError
		if errors.As(err, &op) {
			err = op.Err
		}
		return nil, &Mistake{setting, fmt.Sprintf("cannot listen on %s: %s: choose another address, or stop what listens there", address, oneLine(err))}
	}
	return l, nil
}

// Addr is the address that the server listens on.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// MetricsAddr is the address of /metrics; nil where it has none of its own.
func (s *Server) MetricsAddr() net.Addr {
	if s.metricsListener == nil {
		return nil
	}
	return s.metricsListener.Addr()
}

// lacking names what keeps the server from taking traffic.
func (s *Server) lacking(ctx context.Context) []chat.FieldError {
	var lacking []chat.FieldError
	if s.draining.Load() {
		lacking = append(lacking, chat.FieldError{Field: "server", Message: "is shutting down"})
	}
	if err := s.repository.Ready(ctx); err != nil {
		s.log.Warn("not ready", "error", err)
		lacking = append(lacking, chat.FieldError{Field: "database", Message: "does not answer"})
	}
	return lacking
}

// fail ends the server with an error. It does not block.
func (s *Server) fail(err error) {
	select {
	case s.failed <- err:
	default:
	}
}

// Serve answers until ctx ends, the listener fails, or the instance may not serve any longer
// beside others, and then drains and closes. It is called once. It returns nil after the end
// of ctx.
func (s *Server) Serve(ctx context.Context) error {
	var serving sync.WaitGroup
	serve := func(h *http.Server, l net.Listener) {
		l = s.conns.listen(l)
		serving.Go(func() {
			accept := h.Serve
			if h.TLSConfig != nil {
				accept = func(l net.Listener) error { return h.ServeTLS(l, "", "") }
			}
			if err := accept(l); !errors.Is(err, http.ErrServerClosed) {
				s.fail(fmt.Errorf("accepting connections on %s: %w", l.Addr(), err))
			}
		})
	}
	serve(s.http, s.listener)
	if s.metrics != nil {
		serve(s.metrics, s.metricsListener)
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-s.failed:
		s.log.Error("the server ends", "error", err)
	}
	s.Close()
	serving.Wait()
	return err
}
