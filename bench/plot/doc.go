// Package plot draws line charts as SVG files that read well on a light and on
// a dark page.
package plot
