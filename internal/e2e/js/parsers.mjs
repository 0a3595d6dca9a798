// The parser that PARSER names, for clients and for the reference server; undefined is the default one.

import msgpack from "socket.io-msgpack-parser";
import * as json from "./json-parser.mjs";

export const parser = { msgpack, json }[process.env.PARSER];
