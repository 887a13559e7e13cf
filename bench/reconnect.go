package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// missed is how many messages of its chat a reader that was cut off has missed.
	missed = 50
	// postedMeanwhile is messages a second that are posted while all come back.
	postedMeanwhile = 200
)

// reconnectAll is all readers being cut off and reconnecting at once.
func (f *systems) reconnectAll(scale scale) *scenario {
	c := scale.workload(1000, 10_000, asFastAsPossible)
	c.patient = true // on a busy machine a crowd may take a post longer than it waits
	return &scenario{
		name: fmt.Sprintf("%d readers of %d chats, cut off at once, reconnect %d messages behind", c.readers, c.chats, missed),
		entries: entries(f.parley, 20*time.Second/time.Duration(scale.fewer), c.reconnectAll,
			atMost(float64(15*time.Second), caughtUp), atMost(2, logReads), atMost(float64(time.Second), acknowledgedMost), nothingWrong),
	}
}

// reconnectAll cuts all readers off, posts what they then miss, and lets all reconnect
// at once while more is posted.
func (c workload) reconnectAll(ctx context.Context, on system) (f figures, l latencies, err error) {
	f = noFigures()
	err = c.with(ctx, on, func(r *workloadRun) error {
		if err := r.open(nil, openAtOnce); err != nil {
			return err
		}
		if err := r.connect(ctx); err != nil {
			return err
		}
		if err := r.posters.run(ctx, pace{rounds: 1, onTheirWay: onTheirWay}); err != nil {
			return err
		}
		if _, err := r.settle(ctx); err != nil {
			return err
		}
		places := r.posters.newest()
		if _, err := r.audience.tell(order{Cut: true}); err != nil {
			return err
		}
		if err := r.posters.run(ctx, pace{rounds: missed}); err != nil {
			return err
		}
		r.posters.waited()
		reads, err := r.instance.metric(ctx, "parley_reader_log_reads_total")
		if err != nil {
			return err
		}
		if f[caughtUp], err = r.reopen(ctx, places); err != nil {
			return err
		}
		f[acknowledgedMost] = float64(quantile(r.posters.waited(), 0.99))
		if f[wrong], err = r.settle(ctx); err != nil {
			return err
		}
		c, err := r.audience.tell(order{Count: true})
		if err != nil {
			return err
		}
		f[refused] = float64(c.Refused)
		after, err := r.instance.metric(ctx, "parley_reader_log_reads_total")
		f[logReads] = (after - reads) / float64(r.chats)
		return err
	})
	return f, nil, err
}

// reopen opens all streams again while messages are posted, and returns how long
// that took.
func (r *workloadRun) reopen(ctx context.Context, places []int64) (took float64, err error) {
	posting, stop := context.WithCancel(ctx)
	defer stop()
	working, posting := errgroup.WithContext(posting)
	working.Go(func() error { return r.posters.run(posting, pace{rate: postedMeanwhile}) })
	working.Go(func() error {
		defer stop()
		began := time.Now()
		err := r.open(places, r.readers)
		took = float64(time.Since(began))
		return err
	})
	return took, working.Wait()
}

// metric reads one of parley's metrics.
func (s *instance) metric(ctx context.Context, name string) (float64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.address+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			return strconv.ParseFloat(value, 64)
		}
	}
	return 0, errors.Join(fmt.Errorf("no metric is called %s", name), lines.Err())
}
