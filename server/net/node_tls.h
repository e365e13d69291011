// TLS between two servers that both show certificates of one authority, over OpenSSL. No sockets: bytes in, bytes out.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace server {

struct NodeTlsFiles {
  std::string certificate, key;  // PEM; the certificate may be followed by those of its issuers
  std::string authority;         // PEM: who has signed those of all nodes
};

// Threads: any. Owner: the node; it outlives the conversations.
class NodeCertificates {
 public:
  // Fails with InvalidParameter.
  static Result<std::unique_ptr<NodeCertificates>> open(const NodeTlsFiles& files);
  ~NodeCertificates();
  NodeCertificates(const NodeCertificates&) = delete;
  NodeCertificates& operator=(const NodeCertificates&) = delete;

 private:
  friend class NodeTls;
  struct Context;
  explicit NodeCertificates(std::unique_ptr<Context> context);
  const std::unique_ptr<Context> context_;
};

// One connection's conversation. Who shows no certificate of the authority is heard of nothing.
//
// Threads: one. Owner: the connection.
class NodeTls {
 public:
  enum class Side : uint8_t { Accepts, Connects };
  NodeTls(const NodeCertificates& certificates, Side side);
  ~NodeTls();
  NodeTls(const NodeTls&) = delete;
  NodeTls& operator=(const NodeTls&) = delete;

  // What begins TLS begins so: of who speaks in the clear nothing is read.
  static bool is_begun_by(std::string_view bytes) {
    constexpr char kHandshakeRecord = 0x16;
    return !bytes.empty() && bytes.front() == kHandshakeRecord;
  }

  // What the other says, as far as it is whole. Fails with ProtocolViolation, in OpenSSL's words.
  Result<std::string> receive(std::string_view encrypted);
  // Goes when both have shown their certificates.
  void say(std::string_view bytes);
  // For the other.
  std::string take_encrypted();

 private:
  struct Impl;
  Error failure(int code);
  Status shake_hands();

  const std::unique_ptr<Impl> impl_;
};

}  // namespace server
