// The server's side of TLS, over OpenSSL: certificates, and the conversation of one connection. The
// classes have no sockets: they convert received bytes to decrypted bytes, and bytes to send to
// encrypted bytes.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace server {

// The facts about a connection that a session may use. The session's host sets them before it
// passes on input.
struct Channel {
  std::string peer_host;  // "10.1.2.3", without the port
  bool has_tls = false;
  std::string end_point = {};         // tls-server-end-point (RFC 5929), for channel binding
  std::string certificate_name = {};  // common name of the verified client certificate; empty: none
};

struct TlsFiles {
  std::string certificate, key;  // PEM; certificates of the issuers may follow
  std::string client_authority;  // PEM; empty: clients are not asked for certificates
};

// The server's certificates, which new connections use.
//
// Threads: any. Owner: the node; it outlives the connections.
class TlsServer {
 public:
  // Reads the files. Fails with InvalidParameter.
  static Result<std::unique_ptr<TlsServer>> open(TlsFiles files);
  ~TlsServer();
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;

  // Reads the files again, for new connections. A failure changes nothing.
  Status reload();
  // Returns whether the certificate is valid for a host name, according to the certificate's
  // subjectAltName, which may have wildcards.
  bool is_valid_for(std::string_view host) const;

 private:
  friend class TlsConnection;
  struct Certificates;
  explicit TlsServer(TlsFiles files);
  static Result<std::shared_ptr<const Certificates>> load(const TlsFiles& files);
  std::shared_ptr<const Certificates> certificates() const;

  const TlsFiles files_;
  struct Guarded;
  const std::unique_ptr<Guarded> guarded_;
};

// The TLS conversation of one connection.
//
// Threads: one. Owner: the connection's session.
class TlsConnection {
 public:
  // Approximate memory of a conversation.
  static constexpr size_t kBytes = 40 * 1024;

  // `protocols` are the choices for ALPN, best first. A client that offers none of them is refused;
  // with `needs_protocol`, a client without ALPN is refused, too. If `protocols` is empty, ALPN is
  // ignored.
  TlsConnection(const TlsServer& server, const std::vector<std::string>& protocols,
                bool needs_protocol);
  ~TlsConnection();
  TlsConnection(const TlsConnection&) = delete;
  TlsConnection& operator=(const TlsConnection&) = delete;

  enum class Progress : uint8_t { Waiting, Ready, Closed, Failed };
  // Adds input of the client.
  void receive(std::string_view encrypted);
  size_t undecrypted_bytes() const;
  // Does one step of the handshake, which may take a millisecond. If it returns Ready, it has
  // filled in `channel`.
  Progress handshake(Channel& channel);
  // Appends at most `size` decrypted bytes of the client. Returns Waiting if no bytes are available
  // yet.
  Progress read(std::string& out, size_t size);
  void write(std::string_view bytes);
  // Ends the output with TLS's close message.
  void close();
  // Returns the encrypted bytes to send to the client.
  std::string take_encrypted();
  // Returns the reason why the last step failed, for the log.
  const std::string& failure() const { return failure_; }

 private:
  struct Impl;
  Progress fail(int code);

  const std::unique_ptr<Impl> impl_;
  std::string failure_;
};

}  // namespace server
