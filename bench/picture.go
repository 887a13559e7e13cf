package main

import (
	"fmt"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
	_ "gonum.org/v1/plot/vg/vgsvg" // pictures are SVG
)

// picture is curves of several servers over one another.
type picture struct {
	// file is its name without a folder.
	file, title string
	// x and y say what is drawn. Both are on a logarithmic scale, except y where
	// linear is set.
	x, y   string
	linear bool
	curves []curve
}

// curve is what is drawn of one server.
type curve struct {
	of     string
	points plotter.XYs
}

// add adds a point, if it can be drawn.
func (c *curve) add(x, y float64) {
	if x > 0 && y > 0 && !math.IsInf(x, 0) && !math.IsInf(y, 0) {
		c.points = append(c.points, plotter.XY{X: x, Y: y})
	}
}

// colors are those of the servers, the same in each picture; of the others, the
// next.
var colors = map[string]color.Color{"limit": plotutil.Color(3), "r3labs": plotutil.Color(4), "socketio": color.Gray{Y: 90}}

// draw writes the picture into the folder.
func (p picture) draw(folder string) error {
	pl := plot.New()
	pl.Title.Text, pl.X.Label.Text, pl.Y.Label.Text = p.title, p.x, p.y
	pl.X.Scale, pl.X.Tick.Marker = plot.LogScale{}, decades{}
	if !p.linear {
		pl.Y.Scale, pl.Y.Tick.Marker = plot.LogScale{}, decades{}
	}
	pl.Legend.Top, pl.Legend.Left = true, true
	pl.Add(plotter.NewGrid())
	drawn := false
	for i, c := range p.curves {
		if len(c.points) < 2 {
			continue
		}
		line, err := plotter.NewLine(c.points)
		if err != nil {
			return fmt.Errorf("drawing %s: %w", p.file, err)
		}
		line.Color, line.Width = plotutil.Color(i), vg.Points(1.5)
		if of, ok := colors[c.of]; ok {
			line.Color = of
		}
		pl.Add(line)
		pl.Legend.Add(c.of, line)
		drawn = true
	}
	if !drawn {
		return nil
	}
	// The legend has a place of its own: to the left of curves that rise, above others.
	// To the right there is room for half of the last number.
	if pl.X.Max *= 1.6; p.linear {
		pl.X.Min /= 3
	} else {
		pl.Y.Max *= 20
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	return pl.Save(16*vg.Centimeter, 10*vg.Centimeter, filepath.Join(folder, p.file))
}

// decades marks 1, 2 and 5 of each power of ten.
type decades struct{}

// Ticks implements [plot.Ticker].
func (decades) Ticks(least, most float64) (ticks []plot.Tick) {
	for power := math.Pow10(int(math.Floor(math.Log10(least)))); power <= most; power *= 10 {
		for _, digit := range []float64{1, 2, 5} {
			if v := digit * power; v >= least && v <= most {
				ticks = append(ticks, plot.Tick{Value: v, Label: strconv.FormatFloat(v, 'f', -1, 64)})
			}
		}
	}
	return ticks
}

// spreadOf draws within how long which part of the deliveries came.
func spreadOf(file, title string) func(r *results, names []string) []picture {
	return func(r *results, names []string) []picture {
		p := picture{file: file, title: title, x: "milliseconds from posting to delivery", y: "% of the deliveries", linear: true}
		for _, name := range names {
			c := curve{of: name}
			if took := r.took[name]; took.count() > 0 {
				for part := 0.005; part < 1; part += 0.005 {
					c.add(took.within(part).Seconds()*1000, part*100)
				}
			}
			p.curves = append(p.curves, c)
		}
		return []picture{p}
	}
}
