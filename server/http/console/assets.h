// The files of the console, which embed.py puts into the program at build time.
#pragma once
#include <span>
#include <string_view>

namespace server::http {

struct Asset {
  std::string_view path;  // below the folder of the site: "core/router.js"
  std::string_view type;  // "text/javascript; charset=utf-8"
  std::string_view etag;  // with its quotation marks
  std::string_view gzip;  // the content of the file, compressed
};

// Returns all files, in the order of their paths.
std::span<const Asset> console_assets();
// Returns the hash of all files. The hash is a part of the files' paths, so that a browser never mixes two
// builds.
std::string_view console_build();

}  // namespace server::http
