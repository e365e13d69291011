// What the HTTP front end is told about the server.
#pragma once
#include <vector>

#include "server/http/rest/server_pages.h"
#include "server/metadata/image.h"

namespace server {

// Which query keeps what and reads which partitions, for /clusterStatus.
std::vector<http::QueryPlace> query_places(const MetadataImage& image);

}  // namespace server
