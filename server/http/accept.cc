#include "server/http/accept.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/numbers.h>

#include <algorithm>

namespace server::http {

namespace {

struct Range {
  std::string_view type;
  double quality = 1;
};

std::string_view trimmed(std::string_view text) {
  const absl::string_view inner = absl::StripAsciiWhitespace({text.data(), text.size()});
  return {inner.data(), inner.size()};
}

// Reads one range, such as "application/json; charset=utf-8; q=0.5". Parameters other than q are
// ignored.
Range range_of(std::string_view text) {
  Range range;
  const size_t end = std::min(text.find(';'), text.size());
  range.type = trimmed(text.substr(0, end));
  for (size_t at = end; at < text.size();) {
    const size_t next = std::min(text.find(';', at + 1), text.size());
    const std::string_view parameter = trimmed(text.substr(at + 1, next - at - 1));
    if (parameter.starts_with("q=") || parameter.starts_with("Q="))
      if (!absl::SimpleAtod({parameter.data() + 2, parameter.size() - 2}, &range.quality))
        range.quality = 0;
    at = next;
  }
  return range;
}

// Returns how closely a range of an Accept header matches a type: 0 not at all, 1 by */*, 2 by its
// main type, 3 exactly.
int match_of(std::string_view range, std::string_view type) {
  const auto equal = [](std::string_view a, std::string_view b) {
    return absl::EqualsIgnoreCase({a.data(), a.size()}, {b.data(), b.size()});
  };
  if (equal(range, type)) return 3;
  if (range == "*/*" || range == "*") return 1;
  return range.ends_with("/*") &&
                 equal(range.substr(0, range.size() - 1), type.substr(0, type.find('/') + 1))
             ? 2
             : 0;
}

}  // namespace

std::optional<std::string_view> accepted_type(std::string_view accept,
                                              std::initializer_list<std::string_view> offered) {
  if (trimmed(accept).empty()) return *offered.begin();
  struct Liked {
    double quality = 0;
    size_t place = 0;  // position of the range in the Accept header
  };
  std::optional<std::string_view> best;
  Liked most;
  for (const std::string_view type : offered) {
    Liked liked;
    int closest = 0;
    size_t place = 0;
    for (size_t at = 0; at <= accept.size(); ++place) {
      const size_t next = std::min(accept.find(',', at), accept.size());
      const Range range = range_of(accept.substr(at, next - at));
      if (const int match = match_of(range.type, type); match > closest) {
        closest = match;
        liked = {range.quality, place};
      }
      at = next + 1;
    }
    if (liked.quality <= 0) continue;
    const bool is_better =
        liked.quality > most.quality || (liked.quality == most.quality && liked.place < most.place);
    if (best && !is_better) continue;
    best = type;
    most = liked;
  }
  return best;
}

bool accepts_gzip(std::string_view accept_encoding) {
  std::optional<double> of_gzip, of_others;  // the qualities (q) of gzip and of `*`
  for (size_t at = 0; at <= accept_encoding.size();) {
    const size_t next = std::min(accept_encoding.find(',', at), accept_encoding.size());
    const Range range = range_of(accept_encoding.substr(at, next - at));
    const auto is = [&](std::string_view name) {
      return absl::EqualsIgnoreCase({range.type.data(), range.type.size()},
                                    {name.data(), name.size()});
    };
    // x-gzip is the old name of the coding (RFC 9110, 8.4.1.3).
    if (is("gzip") || is("x-gzip"))
      of_gzip = range.quality;
    else if (is("*"))
      of_others = range.quality;
    at = next + 1;
  }
  return of_gzip.value_or(of_others.value_or(0)) > 0;
}

}  // namespace server::http
