// The peer program of protobufjs. Binary is the work of the static module that protoc-gen-pbjs has
// generated. The toJSON of its messages is not ProtoJSON; the extension protojson is, and needs the
// reflection module that protoc-gen-pbjs generates as well.

import protojson from "protobufjs/ext/protojson.js";
import { Reader, type Writer } from "protobufjs/minimal.js";

import reflection from "./gen/protobufjs/reflection.js";
import * as generated from "./gen/protobufjs/static.js";
import { run, type Library } from "./peer.js";
import { ownMessages } from "./protobufjs_own.js";

/** What this program uses of a generated class. */
interface MessageClass {
  decode(bytes: Uint8Array): object;
  encode(message: object): Writer;
}

function classOf(type: string): MessageClass {
  let found: unknown = generated;
  for (const name of type.split(".")) {
    found = (found as Record<string, unknown> | undefined)?.[name];
  }
  if (typeof found !== "function") {
    throw new Error("protoc-gen-pbjs has generated no such message");
  }
  return found as unknown as MessageClass;
}

const library: Library<object> = {
  decode: (type, bytes) => classOf(type).decode(bytes),
  encode: (type, message) => classOf(type).encode(message).finish(),
  toJson: (type, message) => protojson.toJsonString(reflection.lookupType(type), message),
  fromJson: (type, json) => protojson.fromJsonString(reflection.lookupType(type), json),
};

// Two rows of the table: as the library is, and told to keep the fields that it does not know.
const [option, ...folders] = process.argv.slice(2);
switch (option) {
  case "--drop-unknown":
    run(library, ownMessages("protobufjs"), folders);
    break;
  case "--keep-unknown":
    Reader.discardUnknown = false;
    run(library, ownMessages("protobufjs-discardUnknown-false"), folders);
    break;
  default:
    throw new Error("give --drop-unknown or --keep-unknown, then the folders");
}
