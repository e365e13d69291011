// The client's side of TLS, for connections to servers of other systems, over OpenSSL.
#pragma once
#include <memory>
#include <string>

#include "base/result.h"
#include "server/net/tls_conversation.h"

namespace server {

// The certificates of a client. All members are PEM texts.
struct ClientTlsPems {
  std::string authorities = {};  // empty: the authorities of the operating system
  // The client's own certificate, followed by the certificates of its issuers, and its key; empty:
  // none
  std::string certificate = {}, key = {}, key_password = {};
};

// Which certificates of a server a client accepts. A certificate always needs a trusted authority. AnyHost also accepts
// a certificate of such an authority for another host.
enum class HostCheck : uint8_t { SameHost, AnyHost };

// Threads: any. Owner: the client; it outlives the conversations.
class ClientCertificates {
 public:
  // Fails with InvalidParameter if a text has no certificate or key. The error contains no part of the texts.
  static Result<std::unique_ptr<ClientCertificates>> make(const ClientTlsPems& pems);
  ~ClientCertificates();
  ClientCertificates(const ClientCertificates&) = delete;
  ClientCertificates& operator=(const ClientCertificates&) = delete;

 private:
  friend class ClientTls;
  struct Context;
  explicit ClientCertificates(std::unique_ptr<Context> context);
  const std::unique_ptr<Context> context_;
};

// The TLS conversation of one connection. No output is sent before the server's certificate is accepted.
//
// Threads: one. Owner: the connection.
class ClientTls final : public TlsConversation {
 public:
  // `host` is the name or the address to which the user wanted to connect.
  ClientTls(const ClientCertificates& certificates, const std::string& host, HostCheck check);

  // Returns whether the handshake failed because the certificate is for another host.
  bool is_other_host() const;
  // Returns whether the handshake failed because of the server's certificate.
  bool is_certificate_refused() const;
};

}  // namespace server
