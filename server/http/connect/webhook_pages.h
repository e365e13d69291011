// POST /webhooks/{name}: requests of other services for connectors of class "webhook".
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "server/connect/webhooks/webhooks.h"
#include "server/http/routes.h"

namespace server::http {

// Finds a connector of class "webhook". Called on any thread.
struct FoundWebhook {
  bool exists = false;
  std::shared_ptr<Webhook> webhook;  // null: the connector does not run
};
using FindWebhook = std::function<FoundWebhook(const std::string& name)>;

// Adds the page. It needs no user: each webhook checks the signature or token of its senders.
void add_webhook_pages(Routes& routes, FindWebhook find);

}  // namespace server::http
