// The TLS conversation of one connection between two programs that know each other by certificates, over OpenSSL. The
// class has no socket: it converts received bytes to decrypted bytes, and bytes to send to encrypted bytes.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

struct ssl_ctx_st;
struct ssl_st;

namespace server {

// NodeTls and ClientTls are the public forms; they choose the certificates and the checks.
//
// Threads: one. Owner: the connection.
class TlsConversation {
 public:
  TlsConversation(const TlsConversation&) = delete;
  TlsConversation& operator=(const TlsConversation&) = delete;

  // Returns whether the bytes begin a TLS handshake. Otherwise the peer sends plain text.
  static bool is_begun_by(std::string_view bytes) {
    constexpr char kHandshakeRecord = 0x16;
    return !bytes.empty() && bytes.front() == kHandshakeRecord;
  }

  // Returns the decrypted input, as far as it is complete. Fails with ProtocolViolation and
  // OpenSSL's reason, once all input before the failure has been returned.
  Result<std::string> receive(std::string_view encrypted);
  // Adds output, which is sent when both sides have accepted each other's certificates.
  void say(std::string_view bytes);
  // Returns the encrypted bytes to send to the peer.
  std::string take_encrypted();
  // Returns whether the handshake is done.
  bool is_open() const;
  // Returns whether the peer has ended the conversation properly.
  bool is_closed_by_peer() const;

 protected:
  // `peer` names the other program in errors: "the other node". `context` outlives the conversation.
  TlsConversation(ssl_ctx_st* context, std::string_view peer);
  ~TlsConversation();

  ssl_st* ssl() const;
  Status shake_hands();
  // Returns the result of the check of the peer's certificate, a number X509_V_... of OpenSSL.
  long verify_result() const;

 private:
  struct Impl;
  Error failure(int code);

  const std::unique_ptr<Impl> impl_;
  const std::string_view peer_;
};

// Returns the first error of OpenSSL, and empties OpenSSL's error queue.
std::string openssl_complaint();

}  // namespace server
