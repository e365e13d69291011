#include "server/node/connect_parts.h"

#include <utility>
#include <vector>

#include "server/node/node_access.h"

namespace server {

Result<std::unique_ptr<ConnectParts>> ConnectParts::open(
    const NodeSettings::OutsideConnect& settings, Connectors* native) {
  std::unique_ptr<OutsideConnectors> outside;
  if (!settings.urls.empty()) {
    std::vector<HttpEndpoint> endpoints = TRY(parse_connect_urls(settings.urls));
    TRY(use_credentials(endpoints, settings.credentials_file));
    outside = std::make_unique<OutsideConnectors>(std::move(endpoints));
  }
  return std::unique_ptr<ConnectParts>(new ConnectParts(std::move(outside), native));
}

void ConnectParts::stop() {
  if (outside_) outside_->stop();
}

}  // namespace server
