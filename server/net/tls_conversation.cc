#include "server/net/tls_conversation.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <array>
#include <utility>

namespace server {

std::string openssl_complaint() {
  std::array<char, 256> text{};
  const unsigned long code = ERR_get_error();
  if (code != 0) ERR_error_string_n(code, text.data(), text.size());
  ERR_clear_error();
  const std::string whole = text.data();
  return whole.empty() ? "no reason given" : whole.substr(whole.rfind(':') + 1);
}

struct TlsConversation::Impl {
  struct Free {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  BIO* in;   // owned by `ssl`
  BIO* out;  // owned by `ssl`
  std::unique_ptr<SSL, Free> ssl;
  std::string unsaid;  // output that was written before the end of the handshake
  bool is_open = false;
};

TlsConversation::TlsConversation(ssl_ctx_st* context, std::string_view peer)
    : impl_(new Impl{BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()), nullptr, {}}), peer_(peer) {
  impl_->ssl.reset(SSL_new(context));
  SSL_set_bio(impl_->ssl.get(), impl_->in, impl_->out);
}
TlsConversation::~TlsConversation() = default;

ssl_st* TlsConversation::ssl() const { return impl_->ssl.get(); }
bool TlsConversation::is_open() const { return impl_->is_open; }
bool TlsConversation::is_closed_by_peer() const {
  return (SSL_get_shutdown(impl_->ssl.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
}
long TlsConversation::verify_result() const { return SSL_get_verify_result(impl_->ssl.get()); }

Error TlsConversation::failure(int code) {
  const int error = SSL_get_error(impl_->ssl.get(), code);
  if (error == SSL_ERROR_ZERO_RETURN)
    return {ErrorCode::ProtocolViolation, fmt::format("TLS: {} has closed its side", peer_)};
  const long refusal = verify_result();
  Error failed{
      ErrorCode::ProtocolViolation,
      fmt::format("TLS: {}", refusal == X509_V_OK ? openssl_complaint()
                                                  : X509_verify_cert_error_string(refusal))};
  ERR_clear_error();
  return failed;
}

Status TlsConversation::shake_hands() {
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

Result<std::string> TlsConversation::receive(std::string_view encrypted) {
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
    // Input that precedes the end is returned: a server may send the reason and close its side in
    // one piece. OpenSSL reports the end again at the next call.
    if (!plain.empty()) break;
    return failure(code);
  }
  return plain;
}

void TlsConversation::say(std::string_view bytes) {
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

std::string TlsConversation::take_encrypted() {
  std::string out(BIO_ctrl_pending(impl_->out), '\0');
  if (!out.empty()) BIO_read(impl_->out, out.data(), static_cast<int>(out.size()));
  return out;
}

}  // namespace server
