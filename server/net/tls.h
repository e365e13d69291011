// TLS on the server's side, over OpenSSL: certificates, and what one connection says over them. No sockets: bytes
// in, bytes out.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace server {

// What a session may know of the way its bytes come. Filled by whoever drives it, before the bytes.
struct Channel {
  std::string peer_host;  // "10.1.2.3", without the port
  bool has_tls = false;
  std::string end_point = {};  // tls-server-end-point (RFC 5929), for channel binding
  std::string certificate_name =
      {};  // the common name of the client's certificate, which was checked; empty: none
};

struct TlsFiles {
  std::string certificate, key;  // PEM; the certificate may be followed by those of its issuers
  std::string client_authority;  // PEM; empty: clients are not asked for certificates
};

// The certificates of now.
//
// Threads: any. Owner: the node; it outlives the connections.
class TlsServer {
 public:
  // Fails with InvalidParameter.
  static Result<std::unique_ptr<TlsServer>> open(TlsFiles files);
  ~TlsServer();
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;

  // Reads the files again, for connections that come. On failure all stays as it was.
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

// One connection's conversation.
//
// Threads: one. Owner: the connection's session.
class TlsConnection {
 public:
  // About what it holds.
  static constexpr size_t kBytes = 40 * 1024;

  // `protocols`: what ALPN may choose, best first; a client that asks for none of them is refused. With
  // `needs_protocol` one that asks for nothing, too. Empty: ALPN is not looked at.
  TlsConnection(const TlsServer& server, const std::vector<std::string>& protocols,
                bool needs_protocol);
  ~TlsConnection();
  TlsConnection(const TlsConnection&) = delete;
  TlsConnection& operator=(const TlsConnection&) = delete;

  enum class Progress : uint8_t { Waiting, Ready, Closed, Failed };
  // What has come from the client.
  void receive(std::string_view encrypted);
  size_t undecrypted_bytes() const;
  // One step; at Ready `channel` is filled. It may take a millisecond.
  Progress handshake(Channel& channel);
  // Appends at most `size` bytes of what the client says. Waiting: there is no more yet.
  Progress read(std::string& out, size_t size);
  void write(std::string_view bytes);
  // We have said all.
  void close();
  // For the client.
  std::string take_encrypted();
  // Why the last step has failed, for the log.
  const std::string& failure() const { return failure_; }

 private:
  struct Impl;
  Progress fail(int code);

  const std::unique_ptr<Impl> impl_;
  std::string failure_;
};

}  // namespace server
