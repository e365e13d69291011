// The log-in of a connection to a broker: SaslHandshake and SaslAuthenticate (KIP-43, KIP-152).
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "server/auth/scram_client.h"
#include "server/kafka_client/broker_connection.h"

namespace server::kafka_client {

// Threads: the connection's loop. Owner: the connection.
class SaslLogin {
 public:
  // Gets the lifetime of the session in milliseconds, 0 without a limit. Fails with InvalidPassword if the broker
  // refuses the user, with InvalidAuthorization if it does not offer the mechanism, and with ProtocolViolation.
  // Failures of the connection itself are not reported here.
  using Done = std::function<void(Result<int64_t>)>;
  SaslLogin(BrokerConnection& connection, Done done)
      : connection_(connection), settings_(connection.settings_), done_(std::move(done)) {}

  void begin();

 private:
  using Next = std::function<void(std::string_view message)>;
  // Sends a message of the mechanism, and passes the broker's message on.
  void authenticate(std::string message, Next next);
  void begin_scram();
  void compute_scram();
  void finish(Result<int64_t> end);
  Error not_offered(const std::vector<std::string>& mechanisms) const;
  Error refused(const std::optional<std::string>& reason) const;

  BrokerConnection& connection_;
  const ClientSettings& settings_;
  const Done done_;
  std::optional<auth::ScramClient> scram_;
  int64_t lifetime_ms_ = 0;
};

}  // namespace server::kafka_client
