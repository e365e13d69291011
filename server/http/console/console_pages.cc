#include "server/http/console/console_pages.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <utility>

#include "records/compression.h"
#include "server/http/accept.h"
#include "server/http/console/content_types.h"

namespace server::http {

namespace {

constexpr std::string_view kIndex = "index.html";
constexpr std::string_view kFiles = "/console/a/";
// The text in index.html that is replaced by the hash of the build.
constexpr std::string_view kBuildMark = "BUILDHASH";
constexpr std::string_view kDevelopment = "dev";
// The longest path below /console/, in parts.
constexpr int kMostParts = 6;

// Headers that do not permit the page to run inline scripts and scripts of another origin, and do
// not permit other pages to show it in a frame or to keep a reference to its window.
std::vector<Header> safe_headers() {
  return {{"content-security-policy",
           "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
           "connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; "
           "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types console"},
          {"x-content-type-options", "nosniff"},
          {"referrer-policy", "no-referrer"},
          {"cross-origin-opener-policy", "same-origin"},
          {"cross-origin-resource-policy", "same-origin"}};
}

// Returns whether an If-None-Match header names the version that the client would get.
bool has_version(std::string_view header, std::string_view etag) {
  return header == "*" || header.find(etag) != header.npos;
}

std::string inflated(std::string_view gzip) {
  std::string plain;
  if (!records::decompress(records::Codec::Gzip, gzip, records::kMaxRecordsSize, plain))
    plain.clear();
  return plain;
}

Response file_response(const Asset& asset, const Request& request, std::string_view cache) {
  Response response;
  response.head.headers = safe_headers();
  std::vector<Header>& headers = response.head.headers;
  headers.push_back({"cache-control", std::string(cache)});
  headers.push_back({"etag", std::string(asset.etag)});
  headers.push_back({"vary", "Accept-Encoding"});
  if (has_version(request.header("if-none-match"), asset.etag)) {
    response.head.status = 304;
    response.head.content_type = {};
    return response;
  }
  response.head.content_type = asset.type;
  if (accepts_gzip(request.header("accept-encoding"))) {
    headers.push_back({"content-encoding", "gzip"});
    response.body = asset.gzip;
  } else {
    response.body = inflated(asset.gzip);
  }
  return response;
}

Response missing_file(const Request& request) {
  Response response = error_response(
      error_code::kNotFound,
      fmt::format("{} is not a file of this console; reload the page", request.path));
  for (Header& header : safe_headers()) response.head.headers.push_back(std::move(header));
  response.head.headers.push_back({"cache-control", "no-store"});
  return response;
}

Response to_console() {
  Response moved{.head = {.status = 308, .content_type = "text/plain; charset=utf-8"},
                 .body = "see /console/\n"};
  moved.head.headers = {{"location", "/console/"}};
  return moved;
}

// Adds the paths of the console. `index` returns the page. `file` returns a file, whose path
// follows the hash of the build.
void add_paths(Routes& routes, const std::function<Response(const Request&)>& index,
               const std::function<Response(const Request&, std::string_view build,
                                            std::string_view path)>& file) {
  const auto answer = [index, file](const Request& request) {
    // Redirects to the path with the slash: without it, the relative paths in the page would start at the root.
    if (request.path == "/console") return to_console();
    if (!request.path.starts_with(kFiles)) return index(request);
    const std::string_view rest = std::string_view(request.path).substr(kFiles.size());
    const size_t end = std::min(rest.size(), rest.find('/'));
    return file(request, rest.substr(0, end), rest.substr(std::min(rest.size(), end + 1)));
  };
  std::string pattern = "/console";
  for (int parts = 0; parts <= kMostParts; ++parts) {
    routes.add(
        {.method = "GET", .path = pattern, .handler = answer_with(answer), .is_public = true});
    pattern += fmt::format("/{{part{}}}", parts);
  }
}

const Asset* find_asset(std::span<const Asset> assets, std::string_view path) {
  const auto found = std::ranges::find(assets, path, &Asset::path);
  return found == assets.end() ? nullptr : &*found;
}

std::string replaced(std::string text, std::string_view mark, std::string_view by) {
  for (size_t at = text.find(mark); at != text.npos; at = text.find(mark, at + by.size()))
    text.replace(at, mark.size(), by);
  return text;
}

std::optional<std::string> read_whole(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in || !text) return std::nullopt;
  return std::move(text).str();
}

}  // namespace

void add_console_pages(Routes& routes, std::span<const Asset> assets, std::string_view build) {
  const Asset* const index = find_asset(assets, kIndex);
  if (index == nullptr) return;
  add_paths(
      routes,
      [index](const Request& request) { return file_response(*index, request, "no-cache"); },
      [assets, build](const Request& request, std::string_view its_build, std::string_view path) {
        const Asset* const asset = its_build == build ? find_asset(assets, path) : nullptr;
        if (asset == nullptr || path == kIndex) return missing_file(request);
        return file_response(*asset, request, "public, max-age=31536000, immutable");
      });
}

Status add_console_folder(Routes& routes, const std::string& folder,
                          std::span<const Asset> assets) {
  namespace fs = std::filesystem;
  auto files = std::make_shared<std::map<std::string, std::string, std::less<>>>();
  std::error_code error;
  for (fs::recursive_directory_iterator each(folder, error), end; !error && each != end;
       each.increment(error))
    if (each->is_regular_file())
      files->emplace(fs::relative(each->path(), folder).generic_string(), each->path().string());
  if (error || !files->contains(kIndex))
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("{} is not the folder of the console: it has no index.html", folder)};
  const auto respond = [files, assets](const Request& request, std::string_view path) {
    const auto found = files->find(path);
    if (found == files->end()) {
      const Asset* const asset = find_asset(assets, path);
      return asset == nullptr ? missing_file(request) : file_response(*asset, request, "no-store");
    }
    std::optional<std::string> text = read_whole(found->second);
    if (!text) return missing_file(request);
    Response response{
        .head = {.content_type = std::string(content_type_of(path)), .headers = safe_headers()},
        .body = path == kIndex ? replaced(*std::move(text), kBuildMark, kDevelopment)
                               : *std::move(text)};
    response.head.headers.push_back({"cache-control", "no-store"});
    return response;
  };
  add_paths(
      routes, [respond](const Request& request) { return respond(request, kIndex); },
      [respond](const Request& request, std::string_view, std::string_view path) {
        return respond(request, path);
      });
  return {};
}

}  // namespace server::http
