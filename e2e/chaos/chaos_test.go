package main

import (
	"path/filepath"
	"testing"

	"parley/e2e/chaos/site"
	"parley/e2e/need"
)

func TestKill(t *testing.T) {
	need.LeaveOutIfShort(t, "PostgreSQL")
	binary := filepath.Join(t.TempDir(), "parley")
	if err := site.Build(binary, ""); err != nil {
		t.Fatal(err)
	}
	server, err := need.StartServer()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	p, err := newPostgresPlant(binary, server, 2)
	if err != nil {
		t.Fatal(err)
	}
	o, err := round(t.Context(), p, fault{name: "kill -9", inject: kill}, 5, 1)
	p.close(false)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", o)
	for _, v := range o.violations {
		t.Error(v)
	}
}
