// Kafka Connect's REST API: https://kafka.apache.org/documentation/#connect_rest
#pragma once
#include <functional>
#include <string>

#include "server/connect/connectors.h"
#include "server/http/routes.h"

namespace server::http {

// The functions may be called on any thread. All parts outlive the routes.
struct ConnectView {
  Connectors& connectors;
  // Checks whether the user of the request may see and change connectors, whose configurations reach other systems.
  std::function<Status(const Request&)> check;
  std::string cluster_id;
};

// Adds the pages below /connectors and /connector-plugins.
void add_connect_pages(Routes& routes, const ConnectView& view);

// Returns the routes of a separate listener for Kafka Connect's API, which also has the pages / and
// /health.
Routes connect_routes(const ConnectView& view);

}  // namespace server::http
