// What the HTTP front end is told about the server.
#pragma once
#include <vector>

#include "server/http/rest/server_pages.h"
#include "server/http/routes.h"
#include "server/metadata/image.h"
#include "server/node/movable_clock.h"

namespace server {

// Which query keeps what and reads which partitions, for /clusterStatus.
std::vector<http::QueryPlace> query_places(const MetadataImage& image);

// POST /test-clock?advance_ms=N moves the server's clock forward; only tests have it (--test-clock).
void add_clock_page(http::Routes& routes, MovableClock& clock);

}  // namespace server
