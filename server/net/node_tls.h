// TLS between two nodes that both present certificates of one authority, over OpenSSL. The classes
// have no sockets: they convert received bytes to decrypted bytes, and bytes to send to encrypted
// bytes.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace server {

struct NodeTlsFiles {
  std::string certificate, key;  // PEM; certificates of the issuers may follow
  std::string authority;         // PEM; the authority that has signed the certificates of all nodes
};

// Threads: any. Owner: the node; it outlives the conversations.
class NodeCertificates {
 public:
  // Reads the files. Fails with InvalidParameter.
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

// The TLS conversation of one connection. Nothing is received from a peer without a certificate of
// the authority.
//
// Threads: one. Owner: the connection.
class NodeTls {
 public:
  enum class Side : uint8_t { Accepts, Connects };
  NodeTls(const NodeCertificates& certificates, Side side);
  ~NodeTls();
  NodeTls(const NodeTls&) = delete;
  NodeTls& operator=(const NodeTls&) = delete;

  // Returns whether the bytes begin a TLS handshake. Otherwise the peer sends plain text, which a
  // node with certificates refuses.
  static bool is_begun_by(std::string_view bytes) {
    constexpr char kHandshakeRecord = 0x16;
    return !bytes.empty() && bytes.front() == kHandshakeRecord;
  }

  // Returns the decrypted input, as far as it is complete. Fails with ProtocolViolation and
  // OpenSSL's reason.
  Result<std::string> receive(std::string_view encrypted);
  // Adds output, which is sent when both sides have presented their certificates.
  void say(std::string_view bytes);
  // Returns the encrypted bytes to send to the peer.
  std::string take_encrypted();

 private:
  struct Impl;
  Error failure(int code);
  Status shake_hands();

  const std::unique_ptr<Impl> impl_;
};

}  // namespace server
