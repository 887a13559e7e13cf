package main

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// figures are what was measured of a server. What was not is not a number.
type figures [numFigures]float64

// figure names one of the figures. Times are in nanoseconds, memory in bytes.
type figure int

const (
	// rateRatio, halfRatio and mostRatio are deliveryRate, latencyHalf and latencyMost
	// for each of the baseline's.
	rateRatio figure = iota
	halfRatio
	mostRatio
	// Those of strangers: see slowdown.
	postsTimes
	postsAlone
	postsBeside
	openingsTimes
	openingsAlone
	openingsBeside
	accountsTimes
	accountsAlone
	accountsBeside
	// strangersRefused is how many of the strangers' requests were refused, and
	// heavyRefused how many of the heavy user's; heavyRate is how many of the latter were
	// not, a second.
	strangersRefused
	heavyRate
	heavyRefused
	// refusedAndDone is how many of the heavy user's requests were done although they
	// were refused.
	refusedAndDone
	// rateKept is which part of the posts a second that there are alone is kept beside
	// something else.
	rateKept
	rateAlone
	rateBeside
	// typingFrames and presenceFrames are the most frames of typing and of presence a second
	// that a reader is given. crowdFrames is how many of presence came in a crowd, and
	// listed how many users the list of the present held then.
	typingFrames
	presenceFrames
	crowdFrames
	listed
	// page is the time to read a page from parley, pageOfLog from the log behind
	// net/http, and pageOfMemory from net/http that has its bytes; pageTimes and
	// pageTimesMemory are how many times as long as the others the first is.
	pageTimes
	pageTimesMemory
	page
	pageOfLog
	pageOfMemory
	// deliveryRate is deliveries a second.
	deliveryRate
	// serverTime, databaseTime and audienceTime are the processor time of the server,
	// of its database and of the readers, for each delivery.
	serverTime
	databaseTime
	audienceTime
	// latencyHalf and latencyMost are the times from posting to delivery within which
	// half and 99 % of the deliveries came.
	latencyHalf
	latencyMost
	// acknowledged is the time from posting to acknowledgement, half of them.
	acknowledged
	// undisturbed is latencyMost as it was without what disturbs.
	undisturbed
	// streamMemory is what a stream takes of the server's own memory, and
	// kernelShare of the kernel's.
	streamMemory
	kernelShare
	// memoryFirst and memoryLast are what all instances took at the beginning of a soak and
	// at its end, and memoryTimes how many times as much that was.
	memoryTimes
	memoryFirst
	memoryLast
	// caughtUp is how long it took until all readers had what they missed, logReads
	// how often the log was read for that, for each chat, and acknowledgedMost the
	// time within which 99 % of what was posted meanwhile was acknowledged.
	caughtUp
	logReads
	acknowledgedMost
	// held is how many posts were held, for each that was acknowledged.
	held
	// openRate is streams opened a second.
	openRate
	// bytesEach is what a delivery has on the wire.
	bytesEach
	// refused is how often a stream was refused, and asked for again.
	refused
	// wrong is deliveries that were lost, or repeated, or broken.
	wrong

	numFigures
)

func noFigures() (f figures) {
	for i := range f {
		f[i] = math.NaN()
	}
	return f
}

// mistakes are figures of what may not happen once.
var mistakes = []figure{wrong, strangersRefused, refusedAndDone}

// medians takes of each figure the median of several runs; of mistakes, the sum.
func medians(runs []figures) figures {
	f := noFigures()
	for i := range f {
		var values []float64
		var sum float64
		for _, run := range runs {
			if !math.IsNaN(run[i]) {
				values = append(values, run[i])
				sum += run[i]
			}
		}
		switch {
		case len(values) == 0:
		case slices.Contains(mistakes, figure(i)):
			f[i] = sum
		default:
			f[i] = quantile(values, 0.5)
		}
	}
	return f
}

// columns say how each figure is called and written.
var columns = [numFigures]struct {
	name  string
	write func(float64) string
}{
	rateRatio:        {"rate ×", times},
	halfRatio:        {"p50 ×", times},
	mostRatio:        {"p99 ×", times},
	postsTimes:       {"posts p99 ×", times},
	postsAlone:       {"alone", inMilliseconds},
	postsBeside:      {"beside", inMilliseconds},
	openingsTimes:    {"openings p99 ×", times},
	openingsAlone:    {"alone", inMilliseconds},
	openingsBeside:   {"beside", inMilliseconds},
	accountsTimes:    {"/me p99 ×", times},
	accountsAlone:    {"alone", inMilliseconds},
	accountsBeside:   {"beside", inMilliseconds},
	strangersRefused: {"strangers refused", whole},
	heavyRate:        {"heavy/s", perSecond},
	heavyRefused:     {"heavy refused", whole},
	refusedAndDone:   {"refused and done", whole},
	rateKept:         {"rate ×", times},
	rateAlone:        {"posts/s alone", perSecond},
	rateBeside:       {"beside", perSecond},
	typingFrames:     {"typing frames/s", times},
	presenceFrames:   {"presence frames/s", times},
	crowdFrames:      {"in a crowd", whole},
	listed:           {"listed", whole},
	pageTimes:        {"× net/http", times},
	pageTimesMemory:  {"× net/http from memory", times},
	page:             {"page", inMilliseconds},
	pageOfLog:        {"net/http", inMilliseconds},
	pageOfMemory:     {"net/http from memory", inMilliseconds},
	deliveryRate:     {"deliveries/s", perSecond},
	serverTime:       {"server", microseconds},
	databaseTime:     {"database", microseconds},
	audienceTime:     {"readers", microseconds},
	latencyHalf:      {"p50", inMilliseconds},
	latencyMost:      {"p99", inMilliseconds},
	acknowledged:     {"post p50", inMilliseconds},
	undisturbed:      {"p99 undisturbed", inMilliseconds},
	streamMemory:     {"a stream", kilobytes},
	kernelShare:      {"kernel", kilobytes},
	memoryTimes:      {"memory ×", times},
	memoryFirst:      {"memory first", megabytes},
	memoryLast:       {"last", megabytes},
	caughtUp:         {"caught up", inMilliseconds},
	logReads:         {"log reads a chat", func(v float64) string { return fmt.Sprintf("%.2f", v) }},
	acknowledgedMost: {"post p99", inMilliseconds},
	held:             {"held", func(v float64) string { return fmt.Sprintf("%.2f", v) }},
	openRate:         {"openings/s", perSecond},
	bytesEach:        {"wire", func(v float64) string { return fmt.Sprintf("%.0f B", v) }},
	refused:          {"refused", whole},
	wrong:            {"wrong", whole},
}

// tabulate writes the figures that any of them has, with their names above, beside
// what each is of.
func tabulate(of []string, all []figures) (header []string, rows [][]string) {
	header = []string{""}
	rows = make([][]string, len(all))
	for i := range all {
		rows[i] = []string{of[i]}
	}
	for c, column := range columns {
		if !slices.ContainsFunc(all, func(f figures) bool { return !math.IsNaN(f[c]) }) {
			continue
		}
		header = append(header, column.name)
		for i, f := range all {
			rows[i] = append(rows[i], written(f[c], column.write))
		}
	}
	return header, rows
}

// written writes what is a number.
func written(v float64, write func(float64) string) string {
	if math.IsNaN(v) {
		return "-"
	}
	return write(v)
}

// against adds the ratios to a baseline.
func (f figures) against(baseline figures) figures {
	f[rateRatio] = f[deliveryRate] / baseline[deliveryRate]
	f[halfRatio] = f[latencyHalf] / baseline[latencyHalf]
	f[mostRatio] = f[latencyMost] / baseline[latencyMost]
	return f
}

func times(v float64) string { return fmt.Sprintf("%.2f", v) }

func whole(v float64) string { return fmt.Sprintf("%.0f", v) }

func microseconds(v float64) string { return fmt.Sprintf("%.2f µs", v/float64(time.Microsecond)) }

func inMilliseconds(v float64) string { return milliseconds(time.Duration(v)) }

func megabytes(v float64) string { return fmt.Sprintf("%.0f MB", v/(1<<20)) }

func kilobytes(v float64) string { return fmt.Sprintf("%.1f KB", v/1024) }
