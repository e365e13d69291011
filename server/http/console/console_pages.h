// The files of the console: GET /console/ and /console/a/BUILDHASH/...
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "server/http/console/assets.h"
#include "server/http/routes.h"

namespace server::http {

// /console/ and the paths of pages below it are index.html, which the browser checks each time
// (no-cache, ETag). Its files are below /console/a/BUILDHASH/ and never change: browsers keep them
// for a year. The hash of another build is answered by 404, and the page then offers to reload.
//
// The files are public: they hold no data of the server.
void add_console_pages(Routes& routes, std::span<const Asset> assets, std::string_view build);

// Adds the same paths for developers of the console: the files of a folder are read from the disk
// for each request. Only files that exist at the start are served, so no path can leave the folder.
// The build generates some files; these are taken from the program. Fails with InvalidParameter if
// the folder has no index.html.
Status add_console_folder(Routes& routes, const std::string& folder, std::span<const Asset> assets);

}  // namespace server::http
