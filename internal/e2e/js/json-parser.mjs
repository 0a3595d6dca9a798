// A custom parser: a packet is one text message, JSON of the whole of it. It knows no binary data. The same in Go:
// jsonparser_test.go.

import Emitter from "node:events";

export class Encoder {
  encode({ type, nsp, id, data }) { return [JSON.stringify({ type, nsp, id, data })]; }
}

export class Decoder extends Emitter {
  add(chunk) {
    const packet = JSON.parse(chunk);
    if (!(packet.type >= 0 && packet.type <= 4) || typeof packet.nsp !== "string") throw new Error("invalid format");
    this.emit("decoded", packet);
  }
  destroy() {}
}
