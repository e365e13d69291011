// TLS for connections that librdkafka does not make, with librdkafka's settings. The class has no socket: it converts
// received bytes to decrypted bytes, and bytes to send to encrypted bytes.
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
  // ssl.endpoint.identification.algorithm, enable.ssl.certificate.verification. `host` is the name that the user gave.
  // Fails with InvalidParameter if a file cannot be used.
  static Result<std::unique_ptr<WireTls>> open(const Properties& properties,
                                               const std::string& host);
  ~WireTls();

  // Returns the next bytes to send; empty if the peer must send more first. Fails with
  // NetworkFailure.
  Result<std::string> shake_hands();
  bool is_open() const;
  std::string encrypted(std::string_view plain);
  void take(std::string_view encrypted);
  // Returns the received data, as far as its TLS records are complete. Fails with NetworkFailure.
  Result<std::string> plain();

 private:
  struct Impl;
  explicit WireTls(std::unique_ptr<Impl> impl);
  std::string unsent();

  const std::unique_ptr<Impl> impl_;
};

}  // namespace client
