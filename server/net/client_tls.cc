#include "server/net/client_tls.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <utility>

namespace server {

namespace {

struct Free {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
template <class Object>
using Owned = std::unique_ptr<Object, Free>;

Owned<BIO> bytes_of(const std::string& text) {
  return Owned<BIO>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// The callback gives OpenSSL the password of a key. Without a callback, OpenSSL would ask at the terminal.
int give_password(char* buffer, int size, int /*is_writing*/, void* password) {
  const std::string& text = *static_cast<const std::string*>(password);
  if (text.size() > static_cast<size_t>(size)) return 0;
  std::ranges::copy(text, buffer);
  return static_cast<int>(text.size());
}

Owned<X509> next_certificate(BIO* in) {
  std::string none;
  return Owned<X509>(PEM_read_bio_X509(in, nullptr, give_password, &none));
}

Error cannot_use(std::string_view what) {
  Error error{ErrorCode::InvalidParameter,
              fmt::format("the {} cannot be used: {}", what, openssl_complaint()),
              {},
              "It is a PEM text, which begins with -----BEGIN."};
  return error;
}

Status trust(SSL_CTX* context, const std::string& authorities) {
  if (authorities.empty()) {
    SSL_CTX_set_default_verify_paths(context);
    return {};
  }
  const Owned<BIO> in = bytes_of(authorities);
  size_t count = 0;
  while (const Owned<X509> authority = next_certificate(in.get())) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), authority.get());
    ++count;
  }
  if (count == 0) return cannot_use("certificate of the authority");
  ERR_clear_error();  // removes the error that the end of the text has left in OpenSSL's queue
  return {};
}

Status present(SSL_CTX* context, const ClientTlsPems& pems) {
  if (pems.certificate.empty() && pems.key.empty()) return {};
  const Owned<BIO> in = bytes_of(pems.certificate);
  const Owned<X509> own = next_certificate(in.get());
  if (!own || SSL_CTX_use_certificate(context, own.get()) != 1)
    return cannot_use("certificate of the client");
  while (Owned<X509> issuer = next_certificate(in.get()))
    SSL_CTX_add0_chain_cert(context, issuer.release());
  ERR_clear_error();
  std::string password = pems.key_password;
  const Owned<EVP_PKEY> key(
      PEM_read_bio_PrivateKey(bytes_of(pems.key).get(), nullptr, give_password, &password));
  if (!key || SSL_CTX_use_PrivateKey(context, key.get()) != 1)
    return cannot_use("key of the client's certificate");
  return {};
}

bool is_number(const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> parsed{};
  return inet_pton(AF_INET, host.c_str(), parsed.data()) == 1 ||
         inet_pton(AF_INET6, host.c_str(), parsed.data()) == 1;
}

}  // namespace

struct ClientCertificates::Context {
  Owned<SSL_CTX> context;
};

ClientCertificates::ClientCertificates(std::unique_ptr<Context> context)
    : context_(std::move(context)) {}
ClientCertificates::~ClientCertificates() = default;

Result<std::unique_ptr<ClientCertificates>> ClientCertificates::make(const ClientTlsPems& pems) {
  ERR_clear_error();
  auto made = std::make_unique<Context>();
  made->context.reset(SSL_CTX_new(TLS_client_method()));
  if (!made->context) return Error{ErrorCode::Internal, "OpenSSL cannot be set up"};
  SSL_CTX* raw = made->context.get();
  SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
  SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  TRY(trust(raw, pems.authorities));
  TRY(present(raw, pems));
  SSL_CTX_set_verify(raw, SSL_VERIFY_PEER, nullptr);
  return std::unique_ptr<ClientCertificates>(new ClientCertificates(std::move(made)));
}

ClientTls::ClientTls(const ClientCertificates& certificates, const std::string& host,
                     HostCheck check)
    : TlsConversation(certificates.context_->context.get(), "the server") {
  SSL_set_connect_state(ssl());
  const bool has_name = !is_number(host);
  if (has_name) SSL_set_tlsext_host_name(ssl(), host.c_str());
  if (check == HostCheck::SameHost) {
    SSL_set_hostflags(ssl(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (has_name)
      SSL_set1_host(ssl(), host.c_str());
    else
      X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl()), host.c_str());
  }
  (void)shake_hands();  // starts the handshake
}

bool ClientTls::is_other_host() const {
  return verify_result() == X509_V_ERR_HOSTNAME_MISMATCH ||
         verify_result() == X509_V_ERR_IP_ADDRESS_MISMATCH;
}

bool ClientTls::is_certificate_refused() const { return verify_result() != X509_V_OK; }

}  // namespace server
