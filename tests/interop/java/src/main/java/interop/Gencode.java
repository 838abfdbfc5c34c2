package interop;

import com.google.protobuf.Message;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The generated classes. Java has no registry of them, so they are found among the class files. */
final class Gencode {
  /** The default instance of every generated message class, by the full name of the message. */
  static Map<String, Message> byFullName() throws IOException, ReflectiveOperationException {
    Map<String, Message> gencode = new HashMap<>();
    for (String name : classNames()) {
      Class<?> found = Class.forName(name);
      if (Message.class.isAssignableFrom(found)) {
        Message message = (Message) found.getMethod("getDefaultInstance").invoke(null);
        gencode.put(message.getDescriptorForType().getFullName(), message);
      }
    }
    return gencode;
  }

  private static List<String> classNames() throws IOException {
    Path root = root();
    try (Stream<Path> files = Files.walk(root.resolve("ai/stigmer"))) {
      return files
          .map(file -> root.relativize(file).toString())
          .filter(file -> file.endsWith(".class"))
          .map(file -> file.substring(0, file.length() - ".class".length()).replace('/', '.'))
          .collect(Collectors.toList());
    }
  }

  private static Path root() {
    try {
      return Path.of(Gencode.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    } catch (URISyntaxException impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  private Gencode() {}
}
