#include "server/net/node_tls.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

namespace server {

namespace {

struct FreeNodeTls {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};

Error bad_node_file(std::string_view what, const std::string& path) {
  return {ErrorCode::InvalidParameter,
          fmt::format("cannot use the {} {}: {}", what, path, openssl_complaint())};
}

}  // namespace

struct NodeCertificates::Context {
  std::unique_ptr<SSL_CTX, FreeNodeTls> context;
};

NodeCertificates::NodeCertificates(std::unique_ptr<Context> context)
    : context_(std::move(context)) {}
NodeCertificates::~NodeCertificates() = default;

Result<std::unique_ptr<NodeCertificates>> NodeCertificates::open(const NodeTlsFiles& files) {
  ERR_clear_error();
  auto made = std::make_unique<Context>();
  made->context.reset(SSL_CTX_new(TLS_method()));
  if (!made->context) return Error{ErrorCode::Internal, "OpenSSL cannot be set up"};
  SSL_CTX* raw = made->context.get();
  SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
  SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(raw, 0);
  // A key with a pass phrase is refused, because a server has no terminal to ask for the pass
  // phrase.
  SSL_CTX_set_default_passwd_cb(raw, [](char*, int, int, void*) { return 0; });
  if (SSL_CTX_use_certificate_chain_file(raw, files.certificate.c_str()) != 1)
    return bad_node_file("certificate", files.certificate);
  if (SSL_CTX_use_PrivateKey_file(raw, files.key.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(raw) != 1)
    return bad_node_file("key", files.key);
  if (SSL_CTX_load_verify_locations(raw, files.authority.c_str(), nullptr) != 1)
    return bad_node_file("authority of nodes", files.authority);
  SSL_CTX_set_verify(raw, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  return std::unique_ptr<NodeCertificates>(new NodeCertificates(std::move(made)));
}

NodeTls::NodeTls(const NodeCertificates& certificates, Side side)
    : TlsConversation(certificates.context_->context.get(), "the other node") {
  if (side == Side::Accepts) {
    SSL_set_accept_state(ssl());
    return;
  }
  SSL_set_connect_state(ssl());
  (void)shake_hands();  // starts the handshake
}

}  // namespace server
