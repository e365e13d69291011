// TLS for connections that librdkafka does not make, by its settings, without a socket: bytes in, bytes out.
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
  // `properties` in librdkafka's words: ssl.ca.*, ssl.certificate.*, ssl.key.*, ssl.keystore.*,
  // ssl.endpoint.identification.algorithm, enable.ssl.certificate.verification. `host`: as it was given.
  // Fails with InvalidParameter where files cannot be used.
  static Result<std::unique_ptr<WireTls>> open(const Properties& properties,
                                               const std::string& host);
  ~WireTls();

  // To be said next: nothing, where the other has to say more first. Fails with NetworkFailure.
  Result<std::string> shake_hands();
  bool is_open() const;
  std::string encrypted(std::string_view plain);
  void take(std::string_view encrypted);
  // What has come, as far as it is whole. Fails with NetworkFailure.
  Result<std::string> plain();

 private:
  struct Impl;
  explicit WireTls(std::unique_ptr<Impl> impl);
  std::string unsent();

  const std::unique_ptr<Impl> impl_;
};

}  // namespace client
