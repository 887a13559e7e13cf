# parley. `make` or `make help` lists what can be made.

# gin carries a codec for msgpack that parley does not use: a third of a cold
# build, and 9 MB of the binary. What the caller has in GOFLAGS is kept.
export GOFLAGS := $(strip $(shell go env GOFLAGS) -tags=nomsgpack)

STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: help build run check audit test test-chaos test-portable test-short test-needs bench chaos cluster clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' Makefile

build: ## make the binary ./parley, which needs nothing of its machine
	CGO_ENABLED=0 go build -trimpath -o parley .

run: ## serve on 127.0.0.1:8080
	go run .

# Tests run under the race detector, but for what shares no memory with parley and takes
# several times as long under it: what hashes passwords, and SQLite as it was translated
# from C. No more than that: a package with generic code that goes without would lend it to
# others, sync.Map among it, and races would be reported that there are not.
RACE = -race $(foreach module,golang.org/x/crypto/... modernc.org/sqlite/lib,-gcflags=$(module)=-race=false)

# What judges by docs/openapi.yaml.
JUDGE = ./e2e/described/judge

# Where there is a C compiler, vet and staticcheck look at what the tests build,
# so that nothing is compiled once more for them; elsewhere they do without.
ifeq ($(shell go env CGO_ENABLED),1)
ASTESTED = $(RACE)
endif

check: ## gofmt, vet (also for macOS and Windows), staticcheck
	@unformatted=$$("$$(go env GOROOT)/bin/gofmt" -l .) && \
		if [ -n "$$unformatted" ]; then echo "gofmt -w is due for:"; echo "$$unformatted"; exit 1; fi
	go vet $(ASTESTED) ./...
	go run ./e2e/vet darwin windows
	GOFLAGS="$(GOFLAGS) $(ASTESTED)" go run -race=false $(STATICCHECK) ./...
# It is never built with the race detector, and is left out above where all else is.
	go vet $(JUDGE)
	go run $(STATICCHECK) $(JUDGE)

# The database of known faults comes as a module, so that no other service is asked. It is not
# part of check: a fault that becomes known would fail a build that changed nothing.
audit: ## look for known faults of what parley is built of, Go itself included
	@database=$$(mktemp -d) && trap 'rm -rf "$$database"' EXIT && \
		known=$$(go mod download -json golang.org/x/vulndb@latest | sed -n 's/^\t"Dir": "\(.*\)",$$/\1/p') && \
		[ -n "$$known" ] && \
		go run -tags= golang.org/x/vulndb/cmd/indexdb@v0.0.0-20261105234957-e22db6528018 -vulns "$$known/data/osv" -out "$$database" && \
		go run golang.org/x/vuln/cmd/govulncheck@v1.9.0 -db "file://$$database" -tags nomsgpack ./...

test: check ## check, bring what the tests need, run them all with the race detector
	@$(MAKE) --no-print-directory test-needs
# The repository's tests hold the time-outs of databases, and run while nothing else does.
	CGO_ENABLED=1 go test $(RACE) ./repository/...
	CGO_ENABLED=1 go test -timeout 25m $(RACE) $$(go list -race ./... | grep -v -e /e2e/chaos -e /repository)
	@$(MAKE) --no-print-directory -j 2 test-chaos test-portable

# Faults and mistakes are tried with real programs, several at once, which mostly wait.
test-chaos:
	CGO_ENABLED=1 go test -timeout 20m $(RACE) ./e2e/chaos/...

# Above, streams are on Linux driven by a few goroutines for all. The other path, a
# goroutine for each, which other systems have alone, passes the same tests. Behind it, the
# simulation, which ran some of its schedules above, runs all of them: without the race
# detector a schedule takes a tenth of the time.
test-portable:
	PARLEY_STREAMS=portable CGO_ENABLED=1 go test $(RACE) ./server ./client
	go test -run 'TestSimulation$$' ./stream

test-short: ## the tests that need no PostgreSQL and no browser
	go test -short ./...

test-needs: ## install what the tests need and is missing: PostgreSQL, Chromium, proxies, shells, a C compiler
	@CGO_ENABLED=0 go run -buildvcs=false ./e2e/need/install

bench: ## measure, and print a table
	go run ./bench

chaos: ## break what can break while clients work, judge, and print a table; ARGS="-minutes 10"
	go run ./e2e/chaos $(ARGS)
	go test -count=1 -timeout 30m -run 'TestTheWorkloads|TestEachMistake' ./e2e/chaos -args -further
	PARLEY_RACES=500 go test -count=1 -timeout 30m -run 'TestNothingIsReadOrWrittenBehindAnEnding' ./e2e
	PARLEY_SIMULATION=$${PARLEY_SIMULATION:-1000000} go test -count=1 -timeout 0 -v -run 'TestSimulation$$' ./stream

cluster: ## two instances, PostgreSQL, NATS and nginx on this machine, to try out
	@go run -buildvcs=false ./deploy/cluster $(ARGS)

clean: ## remove what was built
	rm -f parley
