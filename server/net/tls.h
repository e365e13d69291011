// The server's side of TLS, over OpenSSL: certificates, and the conversation of one connection. It
// has no sockets: bytes in, bytes out.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace server {

// The facts about a connection that a session may use. The session's host fills them in before it
// passes on input.
struct Channel {
  std::string peer_host;  // "10.1.2.3", without the port
  bool has_tls = false;
  std::string end_point = {};  // tls-server-end-point (RFC 5929), for channel binding
  std::string certificate_name =
      {};  // common name of the verified client certificate; empty: none
};

struct TlsFiles {
  std::string certificate, key;  // PEM; certificates of the issuers may follow
  std::string client_authority;  // PEM; empty: clients are not asked for certificates
};

// The certificates in use.
//
// Threads: any. Owner: the node; it outlives the connections.
class TlsServer {
 public:
  // Fails with InvalidParameter.
  static Result<std::unique_ptr<TlsServer>> open(TlsFiles files);
  ~TlsServer();
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;

  // Reads the files again, for new connections. A failure changes nothing.
  Status reload();
  // Whether the certificate is valid for a host name: by its subjectAltName, wildcards included.
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

  // `protocols`: the choices of ALPN, best first; a client that offers none of them is refused.
  // With `needs_protocol`, so is a client without ALPN. Empty: ALPN is ignored.
  TlsConnection(const TlsServer& server, const std::vector<std::string>& protocols,
                bool needs_protocol);
  ~TlsConnection();
  TlsConnection(const TlsConnection&) = delete;
  TlsConnection& operator=(const TlsConnection&) = delete;

  enum class Progress : uint8_t { Waiting, Ready, Closed, Failed };
  // Adds input of the client.
  void receive(std::string_view encrypted);
  size_t undecrypted_bytes() const;
  // Does one step; at Ready `channel` is filled. A step may take a millisecond.
  Progress handshake(Channel& channel);
  // Appends at most `size` decrypted bytes of the client. Waiting: none are available yet.
  Progress read(std::string& out, size_t size);
  void write(std::string_view bytes);
  // Ends the output.
  void close();
  // The bytes to send to the client.
  std::string take_encrypted();
  // The reason why the last step failed, for the log.
  const std::string& failure() const { return failure_; }

 private:
  struct Impl;
  Progress fail(int code);

  const std::unique_ptr<Impl> impl_;
  std::string failure_;
};

}  // namespace server
