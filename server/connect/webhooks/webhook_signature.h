// Checks that the sender of a webhook's request knows the secret.
#pragma once
#include <cstdint>

#include "base/result.h"
#include "engine/connect/http/webhook_properties.h"
#include "server/connect/webhooks/webhooks.h"

namespace server {

// Checks the token and the signature of the request. Secrets are compared in constant time. Fails with
// InvalidAuthorization; the message is for the log only, because the sender could learn from it.
Status check_webhook_sender(const engine::WebhookSource& source, const WebhookRequest& request,
                            int64_t now_ms);

}  // namespace server
