// Reads and writes messages with protobuf's C++ library; peers.py says what it is called with.

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/message.h>
#include <google/protobuf/util/json_util.h>

#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>

#include "own_messages.h"

namespace {

namespace fs = std::filesystem;
namespace pb = google::protobuf;

std::string Read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path.string());
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void Write(const fs::path& path, const std::string& content) {
  std::ofstream file(path, std::ios::binary);
  file << content;
  if (!file.flush()) throw std::runtime_error("cannot write " + path.string());
}

// The message in binary, with the entries of maps in the order of their keys.
std::string Binary(const pb::Message& message) {
  std::string bytes;
  pb::io::StringOutputStream stream(&bytes);
  pb::io::CodedOutputStream output(&stream);
  output.SetSerializationDeterministic(true);
  if (!message.SerializeToCodedStream(&output)) {
    throw std::runtime_error("cannot serialize a " + message.GetTypeName());
  }
  output.Trim();
  return bytes;
}

std::string Json(const pb::Message& message) {
  std::string json;
  const auto status = pb::util::MessageToJsonString(message, &json);
  if (!status.ok()) throw std::runtime_error(status.ToString());
  return json;
}

// An empty message of the generated class.
std::unique_ptr<pb::Message> New(const std::string& full_name) {
  const auto* descriptor = pb::DescriptorPool::generated_pool()->FindMessageTypeByName(full_name);
  if (descriptor == nullptr) throw std::runtime_error("no generated class");
  const auto* prototype = pb::MessageFactory::generated_factory()->GetPrototype(descriptor);
  return std::unique_ptr<pb::Message>(prototype->New());
}

void RoundTrip(const std::string& full_name, const fs::path& input, const fs::path& output) {
  const auto message = New(full_name);
  if (!message->ParseFromString(Read(input.string() + ".binpb"))) {
    throw std::runtime_error("cannot parse the bytes");
  }
  Write(output.string() + ".binpb", Binary(*message));

  const fs::path json = input.string() + ".json";
  if (!fs::exists(json)) return;
  Write(output.string() + ".json", Json(*message));
  const auto read = New(full_name);
  const auto status = pb::util::JsonStringToMessage(Read(json), read.get());
  if (!status.ok()) throw std::runtime_error(status.ToString());
  Write(output.string() + ".from_json.binpb", Binary(*read));
}

void Run(const fs::path& inputs, const fs::path& outputs) {
  std::ifstream manifest(inputs / "manifest.txt");
  if (!manifest) throw std::runtime_error("no manifest.txt in " + inputs.string());
  std::string full_name, stem;
  while (std::getline(manifest, full_name, '\t') && std::getline(manifest, stem)) {
    try {
      RoundTrip(full_name, inputs / stem, outputs / stem);
    } catch (const std::exception& failure) {
      throw std::runtime_error(stem + ", read as " + full_name + ": " + failure.what());
    }
  }
  for (const auto& message : OwnMessages("protobuf-cpp")) {
    const fs::path stem = outputs / ("own." + message->GetTypeName());
    Write(stem.string() + ".binpb", Binary(*message));
    Write(stem.string() + ".json", Json(*message));
  }
}

}  // namespace

int main(int count, char** arguments) {
  try {
    if (count != 3) throw std::runtime_error("usage: peer <input folder> <output folder>");
    Run(arguments[1], arguments[2]);
  } catch (const std::exception& failure) {
    std::cerr << failure.what() << '\n';
    return 1;
  }
}
