// Package prom shows the counters of a Socket.IO server to Prometheus.
//
// [NewCollector] makes a collector for a registry of
// github.com/prometheus/client_golang:
//
//	registry := prometheus.NewRegistry()
//	registry.MustRegister(prom.NewCollector(server, nil))
//	http.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
//
// A scrape takes one snapshot ([sio.Server.Stats]), which no event loop notices.
// Several servers of one process need labels that tell them apart.
//
// All names begin with "socketio_": socketio_connected_sockets by namespace,
// socketio_connections by transport, socketio_events_received_total,
// socketio_deliveries_total, socketio_dropped_events_total and
// socketio_disconnects_total by reason, socketio_ack_round_trip_seconds,
// socketio_loop_lag_seconds and so on.
package prom
