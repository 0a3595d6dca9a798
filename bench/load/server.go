package load

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// ServerStats is what a server of the siobench contract tells of itself at
// /debug/stats. A server that has no such page leaves it zero.
type ServerStats struct {
	Server     string `json:"server"`
	Version    string `json:"version"`
	PID        int    `json:"pid"`
	Goroutines int    `json:"goroutines"`
	HeapBytes  int64  `json:"heapBytes"`
	HeapSys    int64  `json:"heapSysBytes"`
}

// askServer reads /debug/stats; collect asks for a collection of garbage
// first.
func askServer(url string, collect bool) (ServerStats, error) {
	var s ServerStats
	if collect {
		url += "/debug/stats?gc=1"
	} else {
		url += "/debug/stats"
	}
	// No connection may stay behind: it would count as memory of the server.
	c := http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}}
	resp, err := c.Get(url)
	if err != nil {
		return s, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return s, fmt.Errorf("load: %s: %s", url, resp.Status)
	}
	return s, json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&s)
}
