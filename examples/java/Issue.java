// SPDX-License-Identifier: Apache-2.0
// Prints a token made by the key named on the command line.  Refused: prints the problem's code to stderr and exits with 1.
// Java 16 or later; run it with:  java Issue.java KEY
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

public class Issue {
  public static void main(String[] args) throws IOException {
    String socket = System.getenv().getOrDefault("SIGNER_SOCKET", "/run/signer/signer.sock");
    byte[] body = "{\"claims\":{\"sub\":\"client-1\"}}".getBytes(UTF_8);
    String head = "POST /v1/keys/" + args[0] + "/tokens HTTP/1.1\r\nHost: signer\r\nConnection: close\r\n"
        + "Content-Type: application/json\r\nContent-Length: " + body.length + "\r\n\r\n";
    try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
      channel.write(ByteBuffer.wrap(head.getBytes(UTF_8)));
      channel.write(ByteBuffer.wrap(body));
      String reply = new String(Channels.newInputStream(channel).readAllBytes(), UTF_8);
      boolean issued = reply.startsWith("HTTP/1.1 200 ");
      Matcher member = Pattern.compile(issued ? "\"token\":\"([^\"]+)\"" : "\"code\":\"([^\"]+)\"").matcher(reply);
      if (!member.find()) throw new IOException("not a reply of signerd");
      (issued ? System.out : System.err).println(member.group(1));
      if (!issued) System.exit(1);
    }
  }
}
