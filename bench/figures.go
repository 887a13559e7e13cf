package main

import (
	"fmt"
	"math"
	"time"
)

// figures are what was measured of a server. What was not is not a number.
type figures [numFigures]float64

// figure names one of the figures. Times are in nanoseconds, memory in bytes.
type figure int

const (
	// deliveryRate is deliveries a second.
	deliveryRate figure = iota
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
	// streamMemory is what a stream takes of the server's own memory, and
	// kernelShare of the kernel's.
	streamMemory
	kernelShare
	// bytesEach is what a delivery has on the wire.
	bytesEach
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

// medians takes of each figure the median of several runs; of what is wrong, which
// may not happen once, the sum.
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
		case figure(i) == wrong:
			f[i] = sum
		default:
			f[i] = quantile(values, 0.5)
		}
	}
	return f
}

// figureColumns are the columns of figures, in order.
var figureColumns = []string{"deliveries/s", "server", "database", "readers", "p50", "p99", "posted",
	"a stream", "kernel", "wire", "wrong"}

// columns writes figures as they stand in a table.
func (f figures) columns() []string {
	formats := [numFigures]func(float64) string{
		deliveryRate: perSecond,
		serverTime:   microseconds, databaseTime: microseconds, audienceTime: microseconds,
		latencyHalf: inMilliseconds, latencyMost: inMilliseconds, acknowledged: inMilliseconds,
		streamMemory: kilobytes, kernelShare: kilobytes,
		bytesEach: func(v float64) string { return fmt.Sprintf("%.0f B", v) },
		wrong:     func(v float64) string { return fmt.Sprintf("%.0f", v) },
	}
	cells := make([]string, numFigures)
	for i, v := range f {
		cells[i] = "-"
		if !math.IsNaN(v) {
			cells[i] = formats[i](v)
		}
	}
	return cells
}

func microseconds(v float64) string { return fmt.Sprintf("%.2f µs", v/float64(time.Microsecond)) }

func inMilliseconds(v float64) string { return milliseconds(time.Duration(v)) }

func kilobytes(v float64) string { return fmt.Sprintf("%.1f KB", v/1024) }
