//go:build !race

package wsframe

import "testing"

func TestAllocs(t *testing.T) {
	payload := make([]byte, 200)
	for i := range payload {
		payload[i] = 'a'
	}
	stream := AppendMasked(nil, Fin|First(Text), 0, payload)
	stream = AppendMasked(stream, First(Text), 0, payload)
	stream = AppendMasked(stream, Fin|First(Ping), 0, payload[:5])
	stream = AppendMasked(stream, Fin|First(Continuation), 0, payload)
	dst := make([]byte, 0, 400)
	var r Reader
	limits := Limits{MaxMessageBytes: 1000, MaxFragments: 10}
	for name, fn := range map[string]func(){
		"ParseHeader": func() { _, _, _ = ParseHeader(stream, 0, 1000) },
		"Mask":        func() { Mask(payload, 0x01010101); MaskASCII(payload, 0x01010101) },
		"Append":      func() { AppendMasked(dst, Fin|First(Text), 7, payload) },
		"Close":       func() { _, _, _ = ParseClose(AppendClose(dst, 1000, "bye")) },
		"error":       func() { _, _, _ = ParseHeader(stream, Client, 1000) },
		"Reader": func() {
			r.Reset(0, limits)
			for i := 0; i < len(stream); i += 7 {
				for b := stream[i:min(i+7, len(stream))]; len(b) > 0; {
					n, _, err := r.Next(b)
					if err != nil {
						t.Fatal(err)
					}
					b = b[n:]
				}
			}
		},
	} {
		if got := testing.AllocsPerRun(100, fn); got != 0 {
			t.Errorf("%s: got %v allocations, want 0", name, got)
		}
	}
}
