//go:build linux

package main

import (
	"fmt"
	"net/http"
	"time"

	"parley/e2e/chaos/load"
)

// skewed is the usual workload where clocks differ.
func skewed(o *load.Options) { o.Skewed = true }

// setClock sets an instance's wall clock an hour ahead or back for a while, then right again:
// it jumps both ways.
func setClock(in *injection) error {
	i := in.any()
	ahead := time.Hour
	if in.r.IntN(2) == 0 {
		ahead = -ahead
	}
	if err := i.Clock.Set(ahead); err != nil {
		return err
	}
	if told, err := clockOf(i.Addr); err != nil {
		return err
	} else if off := time.Until(told) - ahead; off.Abs() > 5*time.Minute {
		return fmt.Errorf("%s was set %s ahead, and says it is %s", i.Addr, ahead, told)
	}
	in.wait(time.Second, 5*time.Second)
	return i.Clock.Set(0)
}

// clockOf is the time that an instance dates its answers with.
func clockOf(addr string) (time.Time, error) {
	client := http.Client{Timeout: 30 * time.Second}
	resp, err := client.Get("http://" + addr + "/healthz")
	if err != nil {
		return time.Time{}, err
	}
	defer resp.Body.Close()
	return http.ParseTime(resp.Header.Get("Date"))
}
