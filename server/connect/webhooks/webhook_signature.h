// Checks that the sender of a webhook request knows the secret of the webhook.
#pragma once
#include <cstdint>

#include "base/result.h"
#include "engine/connect/http/webhook_properties.h"
#include "server/connect/webhooks/webhooks.h"

namespace server {

// Checks the token and the signature of the request. Compares secrets in constant time. Fails with
// InvalidAuthorization. The message of the error is only for the log, because a sender could learn
// from it.
Status check_webhook_sender(const engine::WebhookSource& source, const WebhookRequest& request,
                            int64_t now_ms);

}  // namespace server
