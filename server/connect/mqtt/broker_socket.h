// The connection to a broker, by TCP or TLS. The thread of a task waits for it.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "server/net/address.h"
#include "server/net/client_tls.h"
#include "server/net/listener.h"

namespace server {

// Errors name the address: "cannot connect to broker:1883: connection refused". All are NetworkFailure, except
// InsufficientPrivilege for an address that the owner of the connector must not reach.
//
// Threads: one. Owner: the MqttClient.
class BrokerSocket {
 public:
  struct Options {
    Address address;
    bool allows_private_addresses = false;             // of the machine and its networks
    int64_t timeout_ms = 0;                            // for a connection, and for each write()
    const ClientCertificates* certificates = nullptr;  // null: no TLS. It outlives the socket.
  };
  // Connects to the first address of the host that accepts the connection. With TLS, the handshake
  // goes on in read() and write().
  static Result<std::unique_ptr<BrokerSocket>> open(Options options, const Clock& clock);

  // Sends the bytes, or keeps them until the end of the TLS handshake.
  Status write(std::string_view bytes);
  // Returns the next bytes of the broker; no bytes if none have arrived after `wait_ms`.
  Result<std::string> read(int64_t wait_ms);

 private:
  BrokerSocket(Options options, Socket socket, const Clock& clock);
  static Result<Socket> connect(const Options& options, const Clock& clock);
  Status send(std::string_view bytes);
  Result<std::string> decrypt(std::string_view bytes);
  Error failure(std::string_view problem, std::string hint = {}) const;

  const Options options_;
  const Socket socket_;
  const Clock& clock_;
  std::unique_ptr<ClientTls> tls_;  // null without TLS
};

}  // namespace server
