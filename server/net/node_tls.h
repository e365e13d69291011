// TLS between two nodes that both present certificates of one authority, over OpenSSL.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "server/net/tls_conversation.h"

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
class NodeTls final : public TlsConversation {
 public:
  enum class Side : uint8_t { Accepts, Connects };
  NodeTls(const NodeCertificates& certificates, Side side);
};

}  // namespace server
