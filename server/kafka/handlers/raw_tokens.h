// SASL tokens without a Kafka request header. A client sends them after a SaslHandshake request of
// version 0 (KIP-43).
#pragma once
#include <memory>
#include <string_view>

#include "server/kafka/handler.h"

namespace server::kafka {

// Handles one frame that contains a SASL token without a request header. The answer is a raw token
// with its 32-bit size in front (KIP-43), or the end of the connection if the login fails.
// `context.sasl` awaits the token. `token` is not used after the call.
void handle_raw_token(HandlerContext& context, std::string_view token,
                      std::shared_ptr<AnswerSlot> slot);

}  // namespace server::kafka
