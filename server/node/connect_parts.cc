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

ConnectAppends connect_appends(ClusterTopics& topics) {
  const auto change_of = [](ConnectAppends::Part part) {
    return ClusterTopics::Change{part.partition, std::move(part.batches), part.since,
                                 std::move(part.topic)};
  };
  return {
      .commit =
          [&topics, change_of](std::vector<ConnectAppends::Part> parts, ConnectAppends::Done done) {
            std::vector<ClusterTopics::Change> changes;
            for (ConnectAppends::Part& part : parts) changes.push_back(change_of(std::move(part)));
            topics.commit(std::move(changes), std::move(done));
          },
      .append =
          [&topics, change_of](ConnectAppends::Part part,
                               std::function<void(Result<storage::AppendedBatch>)> done) {
            std::vector<ClusterTopics::Change> changes;
            changes.push_back(change_of(std::move(part)));
            topics.append_changes(
                std::move(changes),
                [done = std::move(done)](std::vector<ClusterTopics::Changed> changed) {
                  done(std::move(changed.front().appended));
                });
          }};
}

}  // namespace server
