// The server's data for the HTTP front end.
#pragma once
#include <string>
#include <vector>

#include "server/http/console/session_pages.h"
#include "server/http/rest/server_pages.h"
#include "server/http/routes.h"
#include "server/metadata/image.h"
#include "server/node/movable_clock.h"

namespace server {

// Returns the state stores and source partitions of each query, for /clusterStatus.
std::vector<http::QueryPlace> query_places(const MetadataImage& image);

// Returns the rights of a user that the console needs.
http::ConsoleRights console_rights(const MetadataImage& image, const std::string& user);

// Adds POST /test-clock?advance_ms=N, which moves the server's clock forward; only available in tests (--test-clock).
void add_clock_page(http::Routes& routes, MovableClock& clock);

}  // namespace server
