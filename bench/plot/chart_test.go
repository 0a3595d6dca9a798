package plot

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWriteIsXMLWithEveryLine(t *testing.T) {
	c := Chart{Title: "a < b & c", X: "sockets", Y: "µs", LogX: true, Lines: []Line{
		{Name: "one", X: []float64{10, 100, 1000}, Y: []float64{1, math.NaN(), 3}},
		{Name: "two", X: []float64{10, 100, 1000}, Y: []float64{2, 4, 6}},
	}}
	var b strings.Builder
	require.NoError(t, c.Write(&b))
	count := map[string]int{}
	d := xml.NewDecoder(strings.NewReader(b.String()))
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		if e, ok := tok.(xml.StartElement); ok {
			count[e.Name.Local]++
		}
	}
	if count["polyline"] != 2 || count["circle"] != 5 {
		t.Errorf("%d lines and %d points, want 2 and 5", count["polyline"], count["circle"])
	}
	if strings.Contains(b.String(), "NaN") {
		t.Error("NaN in the drawing")
	}
}

func TestNoTwoLinesLookAlike(t *testing.T) {
	var c Chart
	for range 2 * len(colours) {
		c.Lines = append(c.Lines, Line{X: []float64{1, 2}, Y: []float64{1, 2}})
	}
	var b strings.Builder
	require.NoError(t, c.Write(&b))
	seen := map[string]bool{}
	for line := range strings.Lines(b.String()) {
		if strings.HasPrefix(line, "<polyline") {
			seen[strings.TrimSpace(line)] = true
		}
	}
	if len(seen) != len(c.Lines) {
		t.Errorf("%d looks for %d lines of the same points", len(seen), len(c.Lines))
	}
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		a    axis
		want []float64
	}{
		{axis{low: 0, high: 10}, []float64{0, 2, 4, 6, 8, 10}},
		{axis{low: 0, high: 24}, []float64{0, 5, 10, 15, 20}},
		{axis{low: 1, high: 1000, log: true}, []float64{1, 10, 100, 1000}},
	} {
		if got := c.a.ticks(); !slices.Equal(got, c.want) {
			t.Errorf("ticks of %+v = %v, want %v", c.a, got, c.want)
		}
	}
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 0.5: "0.5", 1500: "1.5k", 2e6: "2M"} {
		if got := number(v); got != want {
			t.Errorf("number(%v) = %s, want %s", v, got, want)
		}
	}
}
