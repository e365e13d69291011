// TLS for connections that this program makes without librdkafka; it uses librdkafka's settings.
// WireTls has no socket: it decrypts bytes that were received, and encrypts bytes that will be
// sent.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "client/properties.h"

namespace client {

// Threads: one.
class WireTls {
 public:
  // `properties` have librdkafka's names: ssl.ca.*, ssl.certificate.*, ssl.key.*, ssl.keystore.*,
  // ssl.endpoint.identification.algorithm, enable.ssl.certificate.verification. `host` is the host
  // name that the user gave; the certificate is checked against it. Fails with InvalidParameter if
  // a file cannot be used.
  static Result<std::unique_ptr<WireTls>> open(const Properties& properties,
                                               const std::string& host);
  ~WireTls();

  // Returns the next bytes of the handshake to send; empty if bytes of the peer are needed first.
  // Fails with NetworkFailure.
  Result<std::string> shake_hands();
  bool is_open() const;
  std::string encrypted(std::string_view plain);
  void take(std::string_view encrypted);
  // Returns the data of all TLS records that were received completely. Fails with NetworkFailure.
  Result<std::string> plain();

 private:
  struct Impl;
  explicit WireTls(std::unique_ptr<Impl> impl);
  std::string unsent();

  const std::unique_ptr<Impl> impl_;
};

}  // namespace client
