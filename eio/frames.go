package eio

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/sirocco-io/sirocco/internal/frame"
)

// Packets without contents are encoded once, for all sessions. Whoever sends
// one retains it: these variables keep a reference for ever.
var (
	closeFrame     = textFrame("1").Uncompressed() // reference: what the transport says by itself
	pingFrame      = textFrame("2")
	pongFrame      = textFrame("3")
	noopFrame      = textFrame("6").Uncompressed()
	pongProbeFrame = textFrame("3probe")
)

// payloadOK answers a POST.
var payloadOK = []byte("ok")

// textFrame encodes a text packet.
func textFrame(packet string) *frame.Frame {
	f := frame.New()
	f.B = append(f.B, packet...)
	return f.SealText()
}

// messageFrame encodes a message packet. Ownership: data is copied.
func messageFrame(data []byte, binary bool) *frame.Frame {
	f := frame.New()
	if binary {
		f.B = append(f.B, data...)
		return f.SealBinary()
	}
	f.B = append(f.B, '4')
	f.B = append(f.B, data...)
	return f.SealText()
}

// encodePayload appends packets as revision 4 has them (EIO v4, "Payload").
// Ownership: the result is the caller's.
func encodePayload(dst []byte, packets []queued, _ bool) (body []byte, text bool) {
	for _, q := range packets {
		dst = appendPayload(dst, q.F)
	}
	return dst, true
}

// appendPayload appends the packets of a frame, and of those chained behind
// it, to a payload, each behind a separator unless it is the first. Ownership:
// the result is the caller's.
func appendPayload(dst []byte, f *frame.Frame) []byte {
	for ; f != nil; f = f.Next() {
		if len(dst) > 0 {
			dst = append(dst, separator)
		}
		if f.Binary() {
			dst = append(dst, 'b')
			dst = base64.StdEncoding.AppendEncode(dst, f.Payload())
			continue
		}
		dst = append(dst, f.Payload()...)
	}
	return dst
}

// openTails returns what follows the session id in an open packet: the keys
// and their order are the reference's.
func openTails(c *Config) (tails [transportCount]string) {
	end := `,"pingInterval":` + strconv.FormatInt(c.PingInterval.Milliseconds(), 10) +
		`,"pingTimeout":` + strconv.FormatInt(c.PingTimeout.Milliseconds(), 10) +
		`,"maxPayload":` + strconv.FormatInt(c.MaxHTTPBufferSize, 10) + "}"
	tails[polling] = `,"upgrades":[]` + end
	tails[websocket], tails[webtransport] = tails[polling], tails[polling]
	var offers []string
	for _, k := range []transportKind{websocket, webtransport} {
		if c.AllowUpgrades == On && c.serves(k) {
			offers = append(offers, `"`+transportNames[k]+`"`)
		}
	}
	tails[polling] = `,"upgrades":[` + strings.Join(offers, ",") + "]" + end
	return tails
}

// openFrame encodes the open packet of a session.
func openFrame(s *Session, tail string) *frame.Frame {
	f := frame.New()
	f.B = append(f.B, `0{"sid":`...)
	if custom := s.customID(); custom == "" {
		f.B = append(f.B, '"')
		f.B = s.id.AppendText(f.B)
		f.B = append(f.B, '"')
	} else {
		f.B = appendJSON(f.B, custom)
	}
	f.B = append(f.B, tail...)
	return f.SealText()
}

// appendJSON appends s as a JSON string.
func appendJSON(dst []byte, s string) []byte {
	b, err := json.Marshal(s)
	if err != nil {
		return append(dst, `""`...) // a string can always be marshalled
	}
	return append(dst, b...)
}
