// The content types of the console's files, by the ends of their names; embed.py reads them from here.
#pragma once
#include <string_view>

namespace server::http {

struct ContentType {
  std::string_view suffix, type;
};
inline constexpr ContentType kContentTypes[] = {
    {".html", "text/html; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".svg", "image/svg+xml; charset=utf-8"},
    {".json", "application/json"},
    {".png", "image/png"},
    {".txt", "text/plain; charset=utf-8"},
};

inline std::string_view content_type_of(std::string_view path) {
  for (const auto& [suffix, type] : kContentTypes)
    if (path.ends_with(suffix)) return type;
  return "application/octet-stream";
}

}  // namespace server::http
