#include "client/admin/wire_tls.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/ssl.h>

#include <array>
#include <cstdio>
#include <optional>

namespace client {

namespace {

struct Free {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(PKCS12* store) const { PKCS12_free(store); }
};
template <class Object>
using Owned = std::unique_ptr<Object, Free>;

// Returns the first error in OpenSSL's error queue, and clears the queue.
std::string complaint() {
  std::array<char, 256> text{};
  if (const unsigned long code = ERR_get_error(); code != 0)
    ERR_error_string_n(code, text.data(), text.size());
  ERR_clear_error();
  const std::string whole = text.data();
  return whole.empty() ? "no reason given" : whole.substr(whole.rfind(':') + 1);
}

Error cannot_use(std::string_view property) {
  return {ErrorCode::InvalidParameter, fmt::format("{} cannot be used: {}", property, complaint())};
}

bool is_off(const std::string& value) { return value == "none" || value == "false"; }

Owned<BIO> bytes_of(const std::string& text) {
  return Owned<BIO>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

Status trust(SSL_CTX* context, const Properties& properties) {
  const std::string file = value_of(properties, "ssl.ca.location");
  const std::string text = value_of(properties, "ssl.ca.pem");
  if (!text.empty()) {
    const Owned<BIO> in = bytes_of(text);
    size_t count = 0;
    while (const auto certificate =
               Owned<X509>(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr))) {
      X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate.get());
      ++count;
    }
    if (count == 0) return cannot_use("ssl.ca.pem");
    ERR_clear_error();  // removes the error "no start line", which marks the end of the text
    return {};
  }
  if (file.empty() || file == "probe") {
    SSL_CTX_set_default_verify_paths(context);
    return {};
  }
  if (SSL_CTX_load_verify_file(context, file.c_str()) == 1) return {};
  if (SSL_CTX_load_verify_dir(context, file.c_str()) == 1) return {};
  return cannot_use(fmt::format("ssl.ca.location {}", file));
}

Status show_pem(SSL_CTX* context, const std::string& chain, const std::string& key) {
  const Owned<BIO> in = bytes_of(chain);
  const Owned<X509> own(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr));
  if (!own || SSL_CTX_use_certificate(context, own.get()) != 1)
    return cannot_use("ssl.certificate.pem");
  while (X509* issuer = PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr))
    SSL_CTX_add0_chain_cert(context, issuer);
  ERR_clear_error();
  void* const password = SSL_CTX_get_default_passwd_cb_userdata(context);
  const Owned<EVP_PKEY> read(
      PEM_read_bio_PrivateKey(bytes_of(key).get(), nullptr, nullptr, password));
  if (!read || SSL_CTX_use_PrivateKey(context, read.get()) != 1) return cannot_use("ssl.key.pem");
  return {};
}

Status show_store(SSL_CTX* context, const std::string& path, const std::string& password) {
  const Owned<BIO> in(BIO_new_file(path.c_str(), "rb"));
  const Owned<PKCS12> store(in ? d2i_PKCS12_bio(in.get(), nullptr) : nullptr);
  EVP_PKEY* key = nullptr;
  X509* own = nullptr;
  STACK_OF(X509)* issuers = nullptr;
  const bool is_read =
      store && PKCS12_parse(store.get(), password.c_str(), &key, &own, &issuers) == 1;
  const Owned<EVP_PKEY> owned_key(key);
  const Owned<X509> owned_certificate(own);
  if (!is_read || SSL_CTX_use_cert_and_key(context, own, key, issuers, 1) != 1) {
    sk_X509_pop_free(issuers, X509_free);
    return cannot_use(fmt::format("ssl.keystore.location {}", path));
  }
  sk_X509_pop_free(issuers, X509_free);
  return {};
}

// Loads the certificate that the client shows to the server, if the properties name one.
Status show(SSL_CTX* context, const Properties& properties) {
  const std::string store = value_of(properties, "ssl.keystore.location");
  if (!store.empty())
    return show_store(context, store, value_of(properties, "ssl.keystore.password"));
  const std::string chain = value_of(properties, "ssl.certificate.pem");
  if (!chain.empty()) return show_pem(context, chain, value_of(properties, "ssl.key.pem"));
  const std::string file = value_of(properties, "ssl.certificate.location");
  if (file.empty()) return {};
  if (SSL_CTX_use_certificate_chain_file(context, file.c_str()) != 1)
    return cannot_use(fmt::format("ssl.certificate.location {}", file));
  const std::string key = value_of(properties, "ssl.key.location");
  if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context) != 1)
    return cannot_use(fmt::format("ssl.key.location {}", key));
  return {};
}

bool is_address(const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> parsed{};
  return inet_pton(AF_INET, host.c_str(), parsed.data()) == 1 ||
         inet_pton(AF_INET6, host.c_str(), parsed.data()) == 1;
}

}  // namespace

struct WireTls::Impl {
  std::string key_password;
  Owned<SSL_CTX> context;
  Owned<SSL> ssl;
  BIO* in = nullptr;   // owned by the SSL object
  BIO* out = nullptr;  // owned by the SSL object
  bool is_open = false;

  Error failure(int code) const {
    if (SSL_get_error(ssl.get(), code) == SSL_ERROR_ZERO_RETURN)
      return {ErrorCode::NetworkFailure, "the server closed the connection"};
    const long refusal = SSL_get_verify_result(ssl.get());
    Error failed{
        ErrorCode::NetworkFailure,
        fmt::format("TLS: {}",
                    refusal == X509_V_OK ? complaint() : X509_verify_cert_error_string(refusal))};
    if (refusal != X509_V_OK)
      failed.hint =
          "Set ssl.truststore.location to a file of trusted certificates, with "
          "ssl.truststore.type=PEM.";
    ERR_clear_error();
    return failed;
  }
};

WireTls::WireTls(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
WireTls::~WireTls() = default;

Result<std::unique_ptr<WireTls>> WireTls::open(const Properties& properties,
                                               const std::string& host) {
  ERR_clear_error();
  auto impl = std::make_unique<Impl>();
  impl->context.reset(SSL_CTX_new(TLS_client_method()));
  if (!impl->context) return Error{ErrorCode::Internal, "OpenSSL cannot be set up"};
  SSL_CTX* const context = impl->context.get();
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  // A password is always set, even if it is empty: otherwise OpenSSL would ask for the pass phrase
  // of a key at the terminal.
  impl->key_password = value_of(properties, "ssl.key.password");
  SSL_CTX_set_default_passwd_cb_userdata(context, impl->key_password.data());
  TRY(trust(context, properties));
  TRY(show(context, properties));
  impl->ssl.reset(SSL_new(context));
  SSL* const ssl = impl->ssl.get();
  if (!is_off(value_of(properties, "enable.ssl.certificate.verification"))) {
    SSL_set_verify(ssl, SSL_VERIFY_PEER, nullptr);
    if (!is_off(value_of(properties, "ssl.endpoint.identification.algorithm"))) {
      if (is_address(host))
        X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str());
      else
        SSL_set1_host(ssl, host.c_str());
    }
  }
  if (!is_address(host)) SSL_set_tlsext_host_name(ssl, host.c_str());
  impl->in = BIO_new(BIO_s_mem());
  impl->out = BIO_new(BIO_s_mem());
  SSL_set_bio(ssl, impl->in, impl->out);
  SSL_set_connect_state(ssl);
  return std::unique_ptr<WireTls>(new WireTls(std::move(impl)));
}

bool WireTls::is_open() const { return impl_->is_open; }

std::string WireTls::unsent() {
  std::string bytes(BIO_ctrl_pending(impl_->out), '\0');
  if (!bytes.empty()) BIO_read(impl_->out, bytes.data(), static_cast<int>(bytes.size()));
  return bytes;
}

Result<std::string> WireTls::shake_hands() {
  ERR_clear_error();
  const int code = SSL_do_handshake(impl_->ssl.get());
  impl_->is_open = code == 1;
  if (code != 1 && SSL_get_error(impl_->ssl.get(), code) != SSL_ERROR_WANT_READ)
    return impl_->failure(code);
  return unsent();
}

std::string WireTls::encrypted(std::string_view plain) {
  ERR_clear_error();
  if (!plain.empty()) SSL_write(impl_->ssl.get(), plain.data(), static_cast<int>(plain.size()));
  return unsent();
}

void WireTls::take(std::string_view encrypted) {
  BIO_write(impl_->in, encrypted.data(), static_cast<int>(encrypted.size()));
}

Result<std::string> WireTls::plain() {
  std::string text;
  std::array<char, 16 * 1024> piece{};
  while (true) {
    ERR_clear_error();
    const int size = SSL_read(impl_->ssl.get(), piece.data(), static_cast<int>(piece.size()));
    if (size > 0) {
      text.append(piece.data(), static_cast<size_t>(size));
      continue;
    }
    if (SSL_get_error(impl_->ssl.get(), size) == SSL_ERROR_WANT_READ) return text;
    // The bytes before the error are returned first; the next call returns the error.
    if (!text.empty()) return text;
    return impl_->failure(size);
  }
}

}  // namespace client
