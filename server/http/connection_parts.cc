#include "server/http/connection_parts.h"

#include <fmt/format.h>
#include <http_parser.h>

#include <ctime>
#include <utility>

namespace server::http {

std::string http_date(int64_t wall_ms) {
  // The names of days and months are English in any locale.
  constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t seconds = wall_ms / 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", kDays[utc.tm_wday], utc.tm_mday,
                     kMonths[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

std::optional<Target> parse_target(std::string_view text) {
  if (text == "*") return Target{"*", "*", {}};
  http_parser_url url;
  http_parser_url_init(&url);
  if (http_parser_parse_url(text.data(), text.size(), 0, &url) != 0) return std::nullopt;
  const auto part = [&](http_parser_url_fields field) {
    return (url.field_set & (1 << field)) != 0
               ? text.substr(url.field_data[field].off, url.field_data[field].len)
               : std::string_view();
  };
  std::optional<std::string> path = percent_decoded(part(UF_PATH));
  if (!path) return std::nullopt;
  if (path->empty()) return Target{"/", "/", std::string(part(UF_QUERY))};
  return Target{std::move(*path), std::string(part(UF_PATH)), std::string(part(UF_QUERY))};
}

}  // namespace server::http
