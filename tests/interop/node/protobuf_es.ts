// The peer program of protobuf-es, with code that protoc-gen-es has generated.

import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

import {
  createRegistry,
  fromBinary,
  fromJsonString,
  toBinary,
  toJsonString,
  type DescFile,
  type DescMessage,
  type Message,
} from "@bufbuild/protobuf";

import { ownMessages } from "./protobuf_es_own.js";
import { run, type Library } from "./peer.js";

/** The descriptors of all generated files; each module exports the one of its file. */
async function generatedFiles(): Promise<DescFile[]> {
  const folder = new URL("gen/protobuf_es/", import.meta.url);
  const names = readdirSync(fileURLToPath(folder), { encoding: "utf8", recursive: true });
  const modules: object[] = await Promise.all(
    names.filter((name) => name.endsWith("_pb.js")).map((name) => import(new URL(name, folder).href)),
  );
  return modules.flatMap((module) =>
    Object.values(module).filter((value): value is DescFile => value?.kind === "file"),
  );
}

const registry = createRegistry(...(await generatedFiles()));

function schemaOf(type: string): DescMessage {
  const schema = registry.getMessage(type);
  if (schema === undefined) {
    throw new Error("protoc-gen-es has generated no such message");
  }
  return schema;
}

const library: Library<Message> = {
  decode: (type, bytes) => fromBinary(schemaOf(type), bytes),
  encode: (type, message) => toBinary(schemaOf(type), message),
  toJson: (type, message) => toJsonString(schemaOf(type), message),
  fromJson: (type, json) => fromJsonString(schemaOf(type), json),
};

run(library, ownMessages(), process.argv.slice(2));
