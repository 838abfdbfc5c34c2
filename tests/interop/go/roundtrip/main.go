// Roundtrip reads every message of an input folder, writes it again, and builds messages of its own.
// tests/interop/peers.py describes its arguments and its output.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	_ "stigmer.example/stubs"
)

func main() {
	if len(os.Args) != 3 {
		fail(fmt.Errorf("usage: roundtrip <input folder> <output folder>"))
	}
	inputs, outputs := os.Args[1], os.Args[2]
	manifest, err := os.ReadFile(filepath.Join(inputs, "manifest.txt"))
	if err != nil {
		fail(err)
	}
	for line := range strings.Lines(string(manifest)) {
		name, stem, found := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if !found {
			fail(fmt.Errorf("manifest.txt: no tab in line %q", line))
		}
		if err := rewrite(name, filepath.Join(inputs, stem), filepath.Join(outputs, stem)); err != nil {
			fail(fmt.Errorf("%s: %w", stem, err))
		}
	}
	for _, message := range ownMessages() {
		name := string(message.ProtoReflect().Descriptor().FullName())
		target := filepath.Join(outputs, "own."+name)
		if err := writeBinary(message, target+".binpb"); err != nil {
			fail(fmt.Errorf("own %s: %w", name, err))
		}
		if err := writeJSON(message, target+".json"); err != nil {
			fail(fmt.Errorf("own %s: %w", name, err))
		}
	}
}

func rewrite(name, source, target string) error {
	kind, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName(name))
	if err != nil {
		return err
	}
	encoded, err := os.ReadFile(source + ".binpb")
	if err != nil {
		return err
	}
	message := kind.New().Interface()
	if err := proto.Unmarshal(encoded, message); err != nil {
		return err
	}
	if err := writeBinary(message, target+".binpb"); err != nil {
		return err
	}
	text, err := os.ReadFile(source + ".json")
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := writeJSON(message, target+".json"); err != nil {
		return err
	}
	fromJSON := kind.New().Interface()
	if err := protojson.Unmarshal(text, fromJSON); err != nil {
		return err
	}
	return writeBinary(fromJSON, target+".from_json.binpb")
}

func writeBinary(message proto.Message, path string) error {
	encoded, err := proto.MarshalOptions{Deterministic: true}.Marshal(message)
	if err != nil {
		return err
	}
	return os.WriteFile(path, encoded, 0o644)
}

func writeJSON(message proto.Message, path string) error {
	encoded, err := protojson.Marshal(message)
	if err != nil {
		return err
	}
	return os.WriteFile(path, encoded, 0o644)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "roundtrip:", err)
	os.Exit(1)
}
