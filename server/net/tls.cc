#include "server/net/tls.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <mutex>

namespace server {

namespace {

template <auto kFree>
struct Deleter {
  template <class T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using SslPointer = std::unique_ptr<SSL, Deleter<SSL_free>>;
using ContextPointer = std::unique_ptr<SSL_CTX, Deleter<SSL_CTX_free>>;
using CertificatePointer = std::unique_ptr<X509, Deleter<X509_free>>;

// Returns the first error of OpenSSL, and empties OpenSSL's error queue.
std::string last_complaint() {
  std::string text;
  while (const unsigned long code = ERR_get_error()) {
    std::array<char, 256> buffer{};
    ERR_error_string_n(code, buffer.data(), buffer.size());
    // Only the last part of a text such as "error:0A000086:SSL routines::certificate verify failed"
    // is kept.
    if (text.empty()) {
      text = buffer.data();
      text = text.substr(text.rfind(':') + 1);
    }
  }
  return text.empty() ? "no reason given" : text;
}

Error bad_file(std::string_view what, const std::string& path) {
  return {ErrorCode::InvalidParameter,
          fmt::format("cannot use the {} {}: {}", what, path, last_complaint())};
}

// Returns tls-server-end-point (RFC 5929): the digest of the certificate with the hash of its
// signature's algorithm. SHA-256 replaces MD5 and SHA-1.
std::string end_point_of(X509* certificate) {
  int digest = NID_undef;
  const EVP_MD* algorithm = nullptr;
  if (OBJ_find_sigid_algs(X509_get_signature_nid(certificate), &digest, nullptr) == 1 &&
      digest != NID_md5 && digest != NID_sha1)
    algorithm = EVP_get_digestbynid(digest);
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned size = 0;
  if (X509_digest(certificate, algorithm ? algorithm : EVP_sha256(), bytes.data(), &size) != 1)
    return {};
  return {reinterpret_cast<const char*>(bytes.data()), size};
}

// Returns the common name, or an empty text if the certificate has no common name or one with a
// zero byte.
std::string common_name(X509* certificate) {
  X509_NAME* subject = X509_get_subject_name(certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0) return {};
  unsigned char* text = nullptr;
  const int size =
      ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
  if (size < 0) return {};
  std::string name(reinterpret_cast<const char*>(text), static_cast<size_t>(size));
  OPENSSL_free(text);
  return name.find('\0') == std::string::npos ? name : std::string();
}

// The protocols for ALPN that the server offers on one connection.
struct Offer {
  std::vector<std::string> protocols;
  bool has_chosen = false;
};

int choose_protocol(SSL* ssl, const unsigned char** out, unsigned char* out_size,
                    const unsigned char* in, unsigned in_size, void*) {
  auto* offer = static_cast<Offer*>(SSL_get_app_data(ssl));
  if (!offer || offer->protocols.empty()) return SSL_TLSEXT_ERR_NOACK;
  for (const std::string& protocol : offer->protocols)
    for (unsigned at = 0; at < in_size; at += in[at] + 1U) {
      const std::string_view asked(reinterpret_cast<const char*>(in + at + 1), in[at]);
      if (asked != protocol) continue;
      *out = in + at + 1;
      *out_size = in[at];
      offer->has_chosen = true;
      return SSL_TLSEXT_ERR_OK;
    }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

}  // namespace

struct TlsServer::Certificates {
  ContextPointer context;
  std::string end_point;
};

struct TlsServer::Guarded {
  std::mutex mutex;
  // Guarded by mutex
  std::shared_ptr<const Certificates> certificates;
};

TlsServer::TlsServer(TlsFiles files)
    : files_(std::move(files)), guarded_(std::make_unique<Guarded>()) {}
TlsServer::~TlsServer() = default;

Result<std::unique_ptr<TlsServer>> TlsServer::open(TlsFiles files) {
  std::unique_ptr<TlsServer> server(new TlsServer(std::move(files)));
  TRY(server->reload());
  return server;
}

Status TlsServer::reload() {
  auto loaded = TRY(load(files_));
  const std::lock_guard lock(guarded_->mutex);
  guarded_->certificates = std::move(loaded);
  return {};
}

bool TlsServer::is_valid_for(std::string_view host) const {
  const auto now = certificates();
  return X509_check_host(SSL_CTX_get0_certificate(now->context.get()), host.data(), host.size(),
                         X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, nullptr) == 1;
}

std::shared_ptr<const TlsServer::Certificates> TlsServer::certificates() const {
  const std::lock_guard lock(guarded_->mutex);
  return guarded_->certificates;
}

Result<std::shared_ptr<const TlsServer::Certificates>> TlsServer::load(const TlsFiles& files) {
  ERR_clear_error();
  ContextPointer context(SSL_CTX_new(TLS_server_method()));
  if (!context) return Error{ErrorCode::Internal, "OpenSSL cannot make a server"};
  SSL_CTX* raw = context.get();
  SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
  SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                               SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_TICKET);
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(raw, 0);
  SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS);
  // A key with a pass phrase is refused, because a server has no terminal to ask for the pass
  // phrase.
  SSL_CTX_set_default_passwd_cb(raw, [](char*, int, int, void*) { return 0; });
  SSL_CTX_set_alpn_select_cb(raw, choose_protocol, nullptr);
  if (SSL_CTX_use_certificate_chain_file(raw, files.certificate.c_str()) != 1)
    return bad_file("certificate", files.certificate);
  if (SSL_CTX_use_PrivateKey_file(raw, files.key.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(raw) != 1)
    return bad_file("key", files.key);
  if (!files.client_authority.empty()) {
    const char* path = files.client_authority.c_str();
    if (SSL_CTX_load_verify_locations(raw, path, nullptr) != 1)
      return bad_file("authority of clients", files.client_authority);
    SSL_CTX_set_client_CA_list(raw, SSL_load_client_CA_file(path));
    // clients without a certificate may connect, too
    SSL_CTX_set_verify(raw, SSL_VERIFY_PEER, nullptr);
  }
  std::string end_point = end_point_of(SSL_CTX_get0_certificate(raw));
  return std::make_shared<const Certificates>(
      Certificates{std::move(context), std::move(end_point)});
}

struct TlsConnection::Impl {
  std::shared_ptr<const TlsServer::Certificates> certificates;  // shared with other connections
  Offer offer;
  bool needs_protocol;
  BIO* in;   // owned by `ssl`
  BIO* out;  // owned by `ssl`
  SslPointer ssl;
};

TlsConnection::TlsConnection(const TlsServer& server, const std::vector<std::string>& protocols,
                             bool needs_protocol)
    : impl_(new Impl{server.certificates(),
                     {protocols},
                     needs_protocol,
                     BIO_new(BIO_s_mem()),
                     BIO_new(BIO_s_mem()),
                     nullptr}) {
  impl_->ssl.reset(SSL_new(impl_->certificates->context.get()));
  SSL_set_bio(impl_->ssl.get(), impl_->in, impl_->out);
  SSL_set_app_data(impl_->ssl.get(), &impl_->offer);
  SSL_set_accept_state(impl_->ssl.get());
}
TlsConnection::~TlsConnection() = default;

void TlsConnection::receive(std::string_view encrypted) {
  BIO_write(impl_->in, encrypted.data(), static_cast<int>(encrypted.size()));
}
size_t TlsConnection::undecrypted_bytes() const { return BIO_ctrl_pending(impl_->in); }

TlsConnection::Progress TlsConnection::fail(int code) {
  const int error = SSL_get_error(impl_->ssl.get(), code);
  if (error == SSL_ERROR_WANT_READ) return Progress::Waiting;
  if (error == SSL_ERROR_ZERO_RETURN) return Progress::Closed;
  const long refusal = SSL_get_verify_result(impl_->ssl.get());
  failure_ = refusal == X509_V_OK ? last_complaint() : X509_verify_cert_error_string(refusal);
  ERR_clear_error();
  return Progress::Failed;
}

TlsConnection::Progress TlsConnection::handshake(Channel& channel) {
  ERR_clear_error();
  SSL* ssl = impl_->ssl.get();
  if (const int code = SSL_do_handshake(ssl); code != 1) return fail(code);
  if (impl_->needs_protocol && !impl_->offer.has_chosen) {
    failure_ = "the client has not named its protocol by ALPN";
    return Progress::Failed;
  }
  channel.has_tls = true;
  channel.end_point = impl_->certificates->end_point;
  if (const CertificatePointer client{SSL_get1_peer_certificate(ssl)})
    if (SSL_get_verify_result(ssl) == X509_V_OK)
      channel.certificate_name = common_name(client.get());
  return Progress::Ready;
}

TlsConnection::Progress TlsConnection::read(std::string& out, size_t size) {
  ERR_clear_error();
  const size_t before = out.size();
  out.resize(before + size);
  size_t got = 0;
  const int code = SSL_read_ex(impl_->ssl.get(), out.data() + before, size, &got);
  out.resize(before + (code == 1 ? got : 0));
  return code == 1 ? Progress::Ready : fail(code);
}

void TlsConnection::write(std::string_view bytes) {
  ERR_clear_error();
  size_t sent = 0;
  // SSL_write_ex() writes to memory. It takes all bytes, or the connection is broken, which the
  // next read detects.
  if (!bytes.empty()) SSL_write_ex(impl_->ssl.get(), bytes.data(), bytes.size(), &sent);
}

void TlsConnection::close() {
  ERR_clear_error();
  if (SSL_is_init_finished(impl_->ssl.get())) SSL_shutdown(impl_->ssl.get());
}

std::string TlsConnection::take_encrypted() {
  std::string out(BIO_ctrl_pending(impl_->out), '\0');
  if (!out.empty()) BIO_read(impl_->out, out.data(), static_cast<int>(out.size()));
  return out;
}

}  // namespace server
