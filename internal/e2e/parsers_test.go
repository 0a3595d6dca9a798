package e2e

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sirocco-io/sirocco/sio"
	"github.com/sirocco-io/sirocco/sio/msgpack"
)

// What js/parsers.mjs is told.
const (
	msgpackEnv = "PARSER=msgpack"
	jsonEnv    = "PARSER=json"
)

// TestReferenceMsgpack runs the suites with socket.io-msgpack-parser on both
// sides.
func TestReferenceMsgpack(t *testing.T) {
	needNode(t)
	notUnderRace(t)
	runSuites(t, []string{"upgrade"}, func(t *testing.T) server { return startReference(t, msgpackEnv) }, msgpackEnv, brief)
}

// TestClientsMsgpack runs every suite, with every transport, with
// socket.io-msgpack-parser in the client and package msgpack here.
func TestClientsMsgpack(t *testing.T) {
	needNode(t)
	runSuites(t, modes, func(t *testing.T) server { return startTestServer(t, variant{parser: msgpack.Parser{}}) }, msgpackEnv)
}

// TestReferenceCustomParser runs suites with js/json-parser.mjs on both sides.
func TestReferenceCustomParser(t *testing.T) {
	needNode(t)
	notUnderRace(t)
	runSuites(t, []string{"upgrade"}, func(t *testing.T) server { return startReference(t, jsonEnv) }, jsonEnv)
}

// TestClientsCustomParser runs them with js/json-parser.mjs in the client and
// jsonParser here.
func TestClientsCustomParser(t *testing.T) {
	needNode(t)
	runSuites(t, []string{"upgrade"}, func(t *testing.T) server { return startTestServer(t, variant{parser: jsonParser{}}) }, jsonEnv)
}

// TestMsgpackVectors compares the golden vectors of package msgpack with what
// the client's library encodes today.
func TestMsgpackVectors(t *testing.T) {
	needNode(t)
	notUnderRace(t)
	golden, err := os.ReadFile("../../sio/msgpack/testdata/vectors.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	s := startScript(t, time.Minute, "msgpack-vectors.mjs")
	var got strings.Builder
	for s.out.Scan() {
		got.WriteString(s.out.Text() + "\n")
	}
	if err := s.wait(); err != nil {
		t.Fatal(err)
	}
	if got.String() != string(golden) {
		t.Error("node js/msgpack-vectors.mjs prints other vectors than sio/msgpack/testdata/vectors.jsonl")
	}
}

// TestMsgpackDifferential sends random packets through both implementations:
// encoded there, decoded and encoded here, decoded there again.
func TestMsgpackDifferential(t *testing.T) {
	needNode(t)
	s := startScript(t, 2*time.Minute, "msgpack-random.mjs", "COUNT=3000")
	decoder := msgpack.Parser{}.NewDecoder(sio.Limits{MaxBytes: 1e6, MaxDepth: 128})
	packets, checks := 0, 0
	for {
		l, more, err := s.next()
		if err != nil {
			t.Fatal(err)
		}
		if !more {
			break
		}
		if l.Check != "" {
			if checks++; !l.OK {
				t.Errorf("%s: %s", l.Check, l.Error)
			}
			continue
		}
		packets++
		var text string
		if err := json.Unmarshal(l.Value, &text); err != nil {
			t.Fatal(err)
		}
		back, err := throughHere(decoder, text)
		if err != nil {
			t.Fatalf("%.200s: %v", text, err)
		}
		if _, err := s.in.Write([]byte(back + "\n")); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.wait(); err != nil {
		t.Error(err)
	}
	if packets != 3000 || checks != 1 {
		t.Errorf("%d packets, %d checks", packets, checks)
	}
}

// throughHere decodes a packet, given in base64, and encodes it.
func throughHere(d sio.Decoder, text string) (string, error) {
	msg, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return "", err
	}
	var p sio.Packet
	if _, err := d.Decode(&p, msg, true); err != nil {
		return "", err
	}
	if p.Load != nil {
		if p.Args, err = p.Load(); err != nil {
			return "", err
		}
	}
	messages, err := msgpack.Parser{}.Encode(&p)
	if err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(messages[0].Data), nil
}
