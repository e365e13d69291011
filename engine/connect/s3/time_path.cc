#include "engine/connect/s3/time_path.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace engine {

namespace {

bool is_path_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

}  // namespace

Result<TimePath> TimePath::parse(std::string_view format, TimeZone zone, int64_t duration_ms) {
  std::vector<Part> parts;
  const auto add_text = [&](std::string_view text) {
    if (parts.empty() || parts.back().letter != 0) parts.emplace_back();
    parts.back().text += text;
  };
  for (size_t i = 0; i < format.size();) {
    const char c = format[i];
    if (c == '\'') {
      const size_t end = format.find('\'', i + 1);
      if (end == format.npos)
        return Error{ErrorCode::InvalidParameter, "a text has no closing quote"};
      // As in Joda-Time, two quotes stand for one quote.
      add_text(end == i + 1 ? std::string_view("'") : format.substr(i + 1, end - i - 1));
      i = end + 1;
    } else if (is_path_letter(c)) {
      size_t end = i;
      while (end < format.size() && format[end] == c) ++end;
      constexpr std::string_view kLetters = "yYMdHms";
      constexpr size_t kMostDigits = 4;
      const bool is_name = c == 'M' && end - i > 2;
      if (kLetters.find(c) == kLetters.npos || is_name || end - i > kMostDigits)
        return Error{ErrorCode::InvalidParameter,
                     fmt::format("the letters {} are not supported", format.substr(i, end - i)),
                     {},
                     "The letters are YYYY, MM, dd, HH, mm and ss; other text is between single "
                     "quotes."};
      parts.push_back({c, end - i, {}});
      i = end;
    } else {
      add_text(format.substr(i++, 1));
    }
  }
  if (parts.empty()) return Error{ErrorCode::InvalidParameter, "the format is empty"};
  return TimePath(std::move(parts), std::move(zone), duration_ms);
}

int64_t TimePath::period_ms(int64_t epoch_ms) const {
  const int64_t instant_ms = std::max<int64_t>(0, epoch_ms);
  const int64_t local_ms = instant_ms + zone_.offset_ms(instant_ms);
  const int64_t rest = local_ms % duration_ms_;
  return local_ms - (rest < 0 ? rest + duration_ms_ : rest);
}

std::string TimePath::of(int64_t epoch_ms) const {
  using std::chrono::milliseconds;
  const std::chrono::sys_time<milliseconds> local{milliseconds{period_ms(epoch_ms)}};
  const auto day = std::chrono::floor<std::chrono::days>(local);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss time{local - day};
  std::string path;
  for (const Part& part : parts_) {
    int64_t number = 0;
    switch (part.letter) {
      case 'y':
      case 'Y':
        number = static_cast<int>(date.year());
        break;
      case 'M':
        number = static_cast<unsigned>(date.month());
        break;
      case 'd':
        number = static_cast<unsigned>(date.day());
        break;
      case 'H':
        number = time.hours().count();
        break;
      case 'm':
        number = time.minutes().count();
        break;
      case 's':
        number = time.seconds().count();
        break;
      default:
        path += part.text;
        continue;
    }
    // As in Joda-Time, the year has two digits for yy.
    constexpr int64_t kCentury = 100;
    const bool is_short_year = (part.letter == 'y' || part.letter == 'Y') && part.digits == 2;
    path += fmt::format("{:0{}}", is_short_year ? number % kCentury : number, part.digits);
  }
  return path;
}

bool TimePath::is_same(int64_t epoch_ms, int64_t other_ms) const {
  return period_ms(epoch_ms) == period_ms(other_ms) || of(epoch_ms) == of(other_ms);
}

}  // namespace engine
