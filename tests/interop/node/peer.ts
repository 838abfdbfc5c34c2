// What every peer program of Node does with its input and output folder; ../peers.py says why.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A Protobuf library, by what a peer program needs of it; M is what it calls a message. */
export interface Library<M> {
  decode(type: string, bytes: Uint8Array): M;
  encode(type: string, message: M): Uint8Array;
  toJson(type: string, message: M): string;
  fromJson(type: string, json: string): M;
}

/** The value of every callback token that a peer program writes. */
export const allBytes = Uint8Array.from({ length: 256 }, (_, index) => index);

/** Reads what the input folder holds, writes it again, and adds messages of its own. */
export function run<M>(library: Library<M>, own: Map<string, M>, folders: string[]): void {
  const [input, output] = folders;
  if (input === undefined || output === undefined || folders.length !== 2) {
    throw new Error("give two folders, for input and for output");
  }
  for (const [type, stem] of manifest(join(input, "manifest.txt"))) {
    try {
      const message = library.decode(type, readFileSync(join(input, `${stem}.binpb`)));
      writeFileSync(join(output, `${stem}.binpb`), library.encode(type, message));
      const json = join(input, `${stem}.json`);
      if (existsSync(json)) {
        writeFileSync(join(output, `${stem}.json`), library.toJson(type, message));
        const read = library.fromJson(type, readFileSync(json, "utf8"));
        writeFileSync(join(output, `${stem}.from_json.binpb`), library.encode(type, read));
      }
    } catch (error) {
      throw new Error(`${stem}, a ${type}: ${String(error)}`, { cause: error });
    }
  }
  for (const [type, message] of own) {
    writeFileSync(join(output, `own.${type}.binpb`), library.encode(type, message));
    writeFileSync(join(output, `own.${type}.json`), library.toJson(type, message));
  }
}

function* manifest(path: string): Generator<[type: string, stem: string]> {
  for (const line of readFileSync(path, "utf8").split("\n").filter(Boolean)) {
    const [type, stem] = line.split("\t");
    if (type === undefined || stem === undefined) {
      throw new Error(`${path}: a line is "<full message name><tab><stem>", not ${line}`);
    }
    yield [type, stem];
  }
}
