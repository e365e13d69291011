#include "server/net/node_tls.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <array>

namespace server {

namespace {

struct Free {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};

// Returns the first error of OpenSSL, and empties OpenSSL's error queue.
std::string complaint() {
  std::array<char, 256> text{};
  const unsigned long code = ERR_get_error();
  if (code != 0) ERR_error_string_n(code, text.data(), text.size());
  ERR_clear_error();
  const std::string whole = text.data();
  return whole.empty() ? "no reason given" : whole.substr(whole.rfind(':') + 1);
}

Error bad_file(std::string_view what, const std::string& path) {
  return {ErrorCode::InvalidParameter,
          fmt::format("cannot use the {} {}: {}", what, path, complaint())};
}

}  // namespace

struct NodeCertificates::Context {
  std::unique_ptr<SSL_CTX, Free> context;
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
    return bad_file("certificate", files.certificate);
  if (SSL_CTX_use_PrivateKey_file(raw, files.key.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(raw) != 1)
    return bad_file("key", files.key);
  if (SSL_CTX_load_verify_locations(raw, files.authority.c_str(), nullptr) != 1)
    return bad_file("authority of nodes", files.authority);
  SSL_CTX_set_verify(raw, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  return std::unique_ptr<NodeCertificates>(new NodeCertificates(std::move(made)));
}

struct NodeTls::Impl {
  BIO* in;   // owned by `ssl`
  BIO* out;  // owned by `ssl`
  std::unique_ptr<SSL, Free> ssl;
  std::string unsaid;  // output that was written before the end of the handshake
  bool is_open = false;
};

NodeTls::NodeTls(const NodeCertificates& certificates, Side side)
    : impl_(new Impl{BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()), nullptr, {}}) {
  impl_->ssl.reset(SSL_new(certificates.context_->context.get()));
  SSL* ssl = impl_->ssl.get();
  SSL_set_bio(ssl, impl_->in, impl_->out);
  if (side == Side::Accepts) {
    SSL_set_accept_state(ssl);
    return;
  }
  SSL_set_connect_state(ssl);
  (void)shake_hands();  // starts the handshake
}
NodeTls::~NodeTls() = default;

Error NodeTls::failure(int code) {
  const int error = SSL_get_error(impl_->ssl.get(), code);
  if (error == SSL_ERROR_ZERO_RETURN)
    return {ErrorCode::ProtocolViolation, "TLS: the other node has closed its side"};
  const long refusal = SSL_get_verify_result(impl_->ssl.get());
  Error failed{
      ErrorCode::ProtocolViolation,
      fmt::format("TLS: {}",
                  refusal == X509_V_OK ? complaint() : X509_verify_cert_error_string(refusal))};
  ERR_clear_error();
  return failed;
}

Status NodeTls::shake_hands() {
  if (impl_->is_open) return {};
  ERR_clear_error();
  const int code = SSL_do_handshake(impl_->ssl.get());
  if (code != 1) {
    if (SSL_get_error(impl_->ssl.get(), code) == SSL_ERROR_WANT_READ) return {};
    return failure(code);
  }
  impl_->is_open = true;
  say(std::exchange(impl_->unsaid, {}));
  return {};
}

Result<std::string> NodeTls::receive(std::string_view encrypted) {
  constexpr size_t kReadBytes = 64 * 1024;
  BIO_write(impl_->in, encrypted.data(), static_cast<int>(encrypted.size()));
  TRY(shake_hands());
  std::string plain;
  while (impl_->is_open) {
    ERR_clear_error();
    const size_t before = plain.size();
    plain.resize(before + kReadBytes);
    size_t got = 0;
    const int code = SSL_read_ex(impl_->ssl.get(), plain.data() + before, kReadBytes, &got);
    plain.resize(before + (code == 1 ? got : 0));
    if (code == 1) continue;
    if (SSL_get_error(impl_->ssl.get(), code) == SSL_ERROR_WANT_READ) break;
    return failure(code);
  }
  return plain;
}

void NodeTls::say(std::string_view bytes) {
  if (!impl_->is_open) {
    impl_->unsaid += bytes;
    return;
  }
  ERR_clear_error();
  size_t sent = 0;
  // SSL_write_ex() writes to memory. It takes all bytes, or the connection is broken, which the
  // next read detects.
  if (!bytes.empty()) SSL_write_ex(impl_->ssl.get(), bytes.data(), bytes.size(), &sent);
}

std::string NodeTls::take_encrypted() {
  std::string out(BIO_ctrl_pending(impl_->out), '\0');
  if (!out.empty()) BIO_read(impl_->out, out.data(), static_cast<int>(out.size()));
  return out;
}

}  // namespace server
