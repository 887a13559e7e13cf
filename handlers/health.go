package handlers

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/gin-gonic/gin"

	"parley/chat"
	"parley/middleware"
)

// healthy says that the process answers. It asks nothing of anybody else.
func (a *api) healthy(c *gin.Context) error {
	return writeJSON(c, http.StatusOK, struct {
		Status string `json:"status"`
	}{"ok"})
}

// ready says whether the service may take traffic, and if not, what it lacks. Without its
// bus it may: what other instances commit is only noticed later.
func (a *api) ready(c *gin.Context) error {
	lacking := a.Ready(c.Request.Context())
	if len(lacking) == 0 {
		return writeJSON(c, http.StatusOK, struct {
			Status string `json:"status"`
			Bus    string `json:"bus,omitzero"`
		}{"ready", a.Bus()})
	}
	names := make([]string, len(lacking))
	for i, f := range lacking {
		names[i] = f.Field
	}
	return &chat.Error{
		Code:   chat.ErrUnavailable.Code,
		Detail: "Not ready: " + strings.Join(names, ", ") + ".",
		Fields: lacking,
	}
}

// metrics answers callers on this machine; for all others the route does not
// exist.
func (a *api) metrics(c *gin.Context) error {
	if a.Metrics == nil || !fromLoopback(c.Request) || middleware.WasForwarded(c) {
		return middleware.ErrNoRoute
	}
	if err := a.Origins.CheckLocal(c.Request); err != nil {
		return err
	}
	a.Metrics.ServeHTTP(c.Writer, c.Request)
	return nil
}

// NewMetrics makes the door of an address of its own for /metrics. local says that the
// address is a loopback one, for this machine alone.
func NewMetrics(metrics http.Handler, origins *middleware.Origins, local bool) http.Handler {
	engine := newEngine()
	engine.Use(middleware.RequestID(), middleware.Problems(), hardened)
	route := func(c *gin.Context) error {
		if local {
			if err := origins.CheckLocal(c.Request); err != nil {
				return err
			}
		}
		metrics.ServeHTTP(c.Writer, c.Request)
		return nil
	}
	engine.GET("/metrics", step(route))
	engine.HEAD("/metrics", step(route))
	return engine
}

func fromLoopback(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && peer.Addr().Unmap().IsLoopback()
}
