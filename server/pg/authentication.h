// Authenticates a client of PostgreSQL's protocol by the rules of the access file.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "server/auth/access.h"
#include "server/auth/scram.h"
#include "server/net/tls.h"
#include "server/pg/messages.h"

namespace server::pg {

// Threads: one. Owner: the session. The objects to which it refers outlive it.
class Authentication {
 public:
  Authentication(const auth::Access& access, const Channel& channel, std::string user,
                 std::string database);

  enum class Progress : uint8_t { Waiting, Done };
  // begin() and answer() fail with InvalidAuthorization, InvalidPassword and ProtocolViolation. The session then closes
  // the connection, so a client can try only one password per connection.
  Result<Progress> begin(MessageWriter writer);
  Result<Progress> answer(std::string_view body, MessageWriter writer);

 private:
  Result<Progress> finish() const;
  Result<Progress> answer_first(std::string_view body, MessageWriter writer);

  const auth::Access& access_;
  const Channel& channel_;
  const std::string user_, database_;
  std::optional<auth::ScramServer> scram_;
};

}  // namespace server::pg
