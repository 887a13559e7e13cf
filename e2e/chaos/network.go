//go:build linux

package main

import (
	"time"

	"parley/e2e/chaos/wire"
)

// weathers are what networks do; nil is a reset of all connections.
var weathers = []*wire.Weather{
	{Held: [2]bool{true, true}},
	{Held: [2]bool{true, false}},
	{Held: [2]bool{false, true}},
	{Held: [2]bool{true, true}, Refused: true},
	{Delay: 60 * time.Millisecond},
	{Delay: time.Millisecond, Slice: 7},
	{Delay: 20 * time.Millisecond, Slice: 512},
	nil,
}

// between has one kind of weather between an instance and what the proxies lead to, for a
// while.
func between(proxies func(*plant) []*wire.Proxy) func(*injection) error {
	return func(in *injection) error {
		all := proxies(in.plant)
		proxy, weather := all[in.r.IntN(len(all))], weathers[in.r.IntN(len(weathers))]
		if weather == nil {
			proxy.Reset()
			return nil
		}
		proxy.Set(*weather)
		in.wait(200*time.Millisecond, 3*time.Second)
		proxy.Set(wire.Weather{})
		return nil
	}
}

func clientSide(p *plant) []*wire.Proxy   { return p.front }
func databaseSide(p *plant) []*wire.Proxy { return p.back }
func busSide(p *plant) []*wire.Proxy      { return p.toBus }
