package interop;

import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.Message;
import com.google.protobuf.util.JsonFormat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** Reads and writes messages with protobuf-java; peers.py says what it is called with. */
public final class Peer {
  public static void main(String[] args) throws IOException, ReflectiveOperationException {
    Path inputs = Path.of(args[0]);
    Path outputs = Path.of(args[1]);
    Map<String, Message> gencode = Gencode.byFullName();
    for (String line : Files.readAllLines(inputs.resolve("manifest.txt"))) {
      String[] entry = line.split("\t");
      Message message = gencode.get(entry[0]);
      if (message == null) {
        throw new IllegalArgumentException("no generated class for " + entry[0]);
      }
      try {
        roundTrip(message, entry[1], inputs, outputs);
      } catch (IOException failure) {
        throw new IOException(entry[1] + ", read as " + entry[0], failure);
      }
    }
    for (Message message : OwnMessages.all("protobuf-java")) {
      Path stem = outputs.resolve("own." + message.getDescriptorForType().getFullName());
      Files.write(Path.of(stem + ".binpb"), bytes(message));
      Files.writeString(Path.of(stem + ".json"), JsonFormat.printer().print(message));
    }
  }

  private static void roundTrip(Message type, String stem, Path inputs, Path outputs)
      throws IOException {
    byte[] input = Files.readAllBytes(inputs.resolve(stem + ".binpb"));
    Message message = type.getParserForType().parseFrom(input);
    Files.write(outputs.resolve(stem + ".binpb"), bytes(message));
    Path json = inputs.resolve(stem + ".json");
    if (Files.exists(json)) {
      Files.writeString(outputs.resolve(stem + ".json"), JsonFormat.printer().print(message));
      Message.Builder read = type.newBuilderForType();
      JsonFormat.parser().merge(Files.readString(json), read);
      Files.write(outputs.resolve(stem + ".from_json.binpb"), bytes(read.build()));
    }
  }

  /** The message in binary, with the entries of maps in the order of their keys. */
  private static byte[] bytes(Message message) throws IOException {
    byte[] bytes = new byte[message.getSerializedSize()];
    CodedOutputStream output = CodedOutputStream.newInstance(bytes);
    output.useDeterministicSerialization();
    message.writeTo(output);
    output.checkNoSpaceLeft();
    return bytes;
  }
}
