// The files of the console, which embed.py puts into the program at build time.
#pragma once
#include <span>
#include <string_view>

namespace server::http {

struct Asset {
  std::string_view path;  // below the folder of the site: "core/router.js"
  std::string_view type;  // "text/javascript; charset=utf-8"
  std::string_view etag;  // with its quotes
  std::string_view gzip;  // the contents, compressed
};

// Returns all files, in the order of their paths.
std::span<const Asset> console_assets();
// Returns the hash of all files. The paths of the files have it, so that a browser never mixes two builds.
std::string_view console_build();

}  // namespace server::http
