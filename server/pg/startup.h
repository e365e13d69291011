// Reads the first packets of a connection, up to the packet that names the user.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "server/sql/port.h"
#include "server/sql/session_settings.h"

namespace server::pg {

// The requests that a startup packet can make.
struct EncryptionRequest {};  // answered with N: continue in plain text
struct CancelRequest {
  int32_t process_id = 0, secret = 0;
};
struct SessionRequest {
  std::string user, database;
  // in their order, including those in `options`
  std::vector<std::pair<std::string, std::string>> settings;
  // The client requested a newer minor version or protocol options. The server does not support
  // them, and answers with NegotiateProtocolVersion.
  bool must_negotiate = false;
  std::vector<std::string> unknown_options;
};
using StartupRequest = std::variant<EncryptionRequest, CancelRequest, SessionRequest>;

inline constexpr int32_t kProtocolVersion = 3 << 16;

// Reads a startup packet. Fails with ProtocolViolation, NotSupported (another major version,
// replication) or InvalidAuthorization (no user).
Result<StartupRequest> read_startup(int32_t code, std::string_view body);

}  // namespace server::pg
